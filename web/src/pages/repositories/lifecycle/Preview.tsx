import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';

import type { LifecyclePreview } from '../../../api/twinport';
import { Problem } from '../../../app/Problem';
import { useTwinport } from '../../../app/registry';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { ListPages } from '../../../parts/lists/ListPages';
import { goTo, start, tokenOf } from '../../../parts/lists/trail';
import { useImageColumns } from './columns';
import { pageSize, ReplacedError } from './findPreview';
import type { PreviewState } from './usePreview';

/** What the policy would do to the images that are there now. */
export function Preview({ repositoryName, preview }: { repositoryName: string; preview: PreviewState }) {
  const m = useMessages().lifecycle;
  const { state, last, error, ask } = preview;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={m.previewAdvice}
          actions={
            <Button disabled={!['unasked', 'found', 'failed'].includes(state)} onClick={ask}>
              {state === 'found' ? m.previewAgain : m.previewNow}
            </Button>
          }
        >
          {m.preview}
        </Header>
      }
    >
      <SpaceBetween size="s">
        <div role="status">
          {state === 'empty' && <StatusIndicator type="info">{m.previewEmpty}</StatusIndicator>}
          {state === 'finding' && <StatusIndicator type="loading">{m.finding}</StatusIndicator>}
          {state === 'wrong' && <StatusIndicator type="info">{m.previewAfterFix}</StatusIndicator>}
          {(state === 'unasked' || state === 'unchecked') && <Box color="text-body-secondary">{m.previewAsked}</Box>}
          {state === 'found' && <Summary preview={last!} />}
        </div>
        {state === 'failed' && <Failure error={error} onRetry={ask} />}
        {last?.status === 'COMPLETE' && (
          <Images key={last.startedAt} repositoryName={repositoryName} first={last} onRetry={ask} />
        )}
      </SpaceBetween>
    </Container>
  );
}

/** The preview in a line, to stand beside what is edited. */
export function PreviewLine({ preview: { state, last } }: { preview: PreviewState }) {
  const m = useMessages().lifecycle;
  const headline = useHeadline();
  if (state === 'finding') {
    return <StatusIndicator type="loading">{m.finding}</StatusIndicator>;
  }
  return state === 'found' && last!.status === 'COMPLETE' ? <Box fontWeight="bold">{headline(last!)}</Box> : null;
}

function useHeadline(): (preview: LifecyclePreview) => string {
  const m = useMessages().lifecycle;
  const format = useFormat();
  return ({ expiringImageCount: count, expiringSizeInBytes: size }) =>
    count === 0 ? m.wouldExpireNone : m.wouldExpire(count, format.bytes(size));
}

function Failure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { errors, lifecycle: m } = useMessages();
  return error instanceof ReplacedError ? (
    <Alert type="warning" action={<Button onClick={onRetry}>{errors.retry}</Button>}>
      {m.replaced}
    </Alert>
  ) : (
    <Problem error={error} onRetry={onRetry} />
  );
}

/** How much would go. */
function Summary({ preview }: { preview: LifecyclePreview }) {
  const m = useMessages().lifecycle;
  const format = useFormat();
  const headline = useHeadline();
  if (preview.status !== 'COMPLETE') {
    return <StatusIndicator type="error">{preview.statusReason ?? m.previewFailed}</StatusIndicator>;
  }
  const { expiringImageCount: count, transitioningImageCount: moved, endedAt = preview.startedAt } = preview;
  return (
    <SpaceBetween size="xxs">
      <Box fontSize="heading-l" fontWeight="bold">
        {headline(preview)}
      </Box>
      {moved > 0 && <div>{m.wouldTransition(moved)}</div>}
      <Box color="text-body-secondary" fontSize="body-s">
        {m.asOf(format.dateTime(endedAt))}
        {count > 0 && ` · ${m.sizes}`}
      </Box>
    </SpaceBetween>
  );
}

/** The images that the policy would act on, those pushed first before others; first is their first page. */
function Images({
  repositoryName,
  first,
  onRetry,
}: {
  repositoryName: string;
  first: LifecyclePreview;
  onRetry: () => void;
}) {
  const { lifecycle: m, shell } = useMessages();
  const [trail, setTrail] = useState(start);
  const nextToken = tokenOf(trail);
  const read = useTwinport(
    'DescribeLifecyclePreview',
    { repositoryName, maxResults: pageSize, ...(nextToken === undefined ? {} : { nextToken }) },
    { keep: true, enabled: nextToken !== undefined },
  );
  const page = nextToken === undefined ? first : read.data;
  const columns = useImageColumns<LifecyclePreview['images'][number]>(repositoryName);
  if (page && page.startedAt !== first.startedAt) {
    return <Failure error={new ReplacedError()} onRetry={onRetry} />;
  }
  if (first.images.length === 0) {
    return null;
  }
  return (
    <Table
      variant="embedded"
      trackBy="imageDigest"
      items={page?.images ?? []}
      loading={!page}
      loadingText={shell.loading}
      columnDefinitions={[
        ...columns,
        { id: 'rule', header: m.appliedRule, cell: (image) => image.appliedRulePriority, minWidth: 80 },
        { id: 'action', header: m.action, cell: (image) => m.marks[image.action], minWidth: 100 },
      ]}
      ariaLabels={{ tableLabel: m.preview }}
      header={nextToken !== undefined && <Problem error={read.error} onRetry={() => void read.refetch()} />}
      pagination={
        (first.nextToken !== undefined || nextToken !== undefined) && (
          <ListPages
            place={{ trail, go: (wanted, next) => setTrail(goTo(trail, wanted, next)) }}
            next={page?.nextToken}
            label={m.previewPages}
            disabled={nextToken !== undefined && read.isPlaceholderData}
          />
        )
      }
      empty={m.noImages}
    />
  );
}
