import Box from '@cloudscape-design/components/box';
import Header from '@cloudscape-design/components/header';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';

import type { Quota } from '../../api/twinport';
import { Problem } from '../../app/Problem';
import { useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';

const rate = /^Rate of (\w+) requests$/;

/** What the registry may hold, and ask for, and how much of it is used. */
export function QuotasSummary() {
  const { registry: m, shell } = useMessages();
  const format = useFormat();
  const quotas = useTwinport('DescribeQuotas', {});
  const amount = (q: Quota, value: number) => {
    switch (q.unit) {
      case 'Bytes':
        return format.bytes(value);
      case 'Count/Second':
        return m.perSecond(format.number(value));
      default:
        return format.number(value);
    }
  };
  const name = (q: Quota) => {
    const operation = rate.exec(q.name)?.[1];
    return operation ? m.quotaRate(operation) : (m.quotaNames[q.name] ?? q.name);
  };
  return (
    <SpaceBetween size="s">
      <Problem error={quotas.error} />
      <Table
        header={
          <Header variant="h2" description={m.quotasDescription}>
            {m.quotas}
          </Header>
        }
        items={quotas.data?.quotas ?? []}
        trackBy="name"
        loading={quotas.isPending}
        loadingText={shell.loading}
        wrapLines
        columnDefinitions={[
          { id: 'name', header: m.quota, isRowHeader: true, minWidth: 200, cell: name },
          { id: 'limit', header: m.quotaLimit, cell: (q) => (q.value === undefined ? m.noLimit : amount(q, q.value)) },
          {
            id: 'usage',
            header: m.quotaUsage,
            minWidth: 220,
            cell: (q) => {
              if (q.usage === undefined) {
                return '–';
              }
              const used = amount(q, q.usage);
              if (q.value === undefined) {
                return <Box>{used}</Box>;
              }
              const percent = Math.min(100, (q.usage / q.value) * 100);
              return (
                <ProgressBar
                  variant="standalone"
                  value={percent}
                  ariaLabel={name(q)}
                  additionalInfo={used}
                  status={q.usage >= q.value ? 'error' : 'in-progress'}
                  resultText={m.quotaUsedUp(used)}
                />
              );
            },
          },
        ]}
      />
    </SpaceBetween>
  );
}
