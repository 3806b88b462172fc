import Header from '@cloudscape-design/components/header';
import Table from '@cloudscape-design/components/table';

import { useFormat } from '../../../i18n/format';
import { useShown } from './useShown';
import { Visible } from './Visible';

interface Props {
  title: string;
  pairs: [string, string][];
  /** Of the two columns. */
  names: [string, string];
  /** The table is a part of another section. */
  embedded?: boolean;
}

/** Names and values that whoever pushed the image wrote. */
export function Pairs({ title, pairs, names, embedded = false }: Props) {
  const format = useFormat();
  const { shown, more } = useShown(pairs);
  return (
    <Table<[string, string]>
      variant={embedded ? 'embedded' : 'container'}
      wrapLines
      items={shown}
      header={
        <Header variant={embedded ? 'h3' : 'h2'} counter={`(${format.number(pairs.length)})`}>
          {title}
        </Header>
      }
      footer={more}
      columnDefinitions={[
        { id: 'name', header: names[0], cell: ([name]) => <Visible text={name} />, isRowHeader: true, width: '35%' },
        { id: 'value', header: names[1], cell: ([, value]) => <Visible text={value} /> },
      ]}
    />
  );
}
