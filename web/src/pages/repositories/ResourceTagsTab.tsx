import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import TagEditor, { type TagEditorProps } from '@cloudscape-design/components/tag-editor';
import { useState } from 'react';

import { readRevised, replace } from '../../api/client';
import type { Repository } from '../../api/ecr';
import { useNotify } from '../../app/notifications';
import { Problem } from '../../app/Problem';
import { useReread } from '../../app/queries';
import { useECR, useRegistry } from '../../app/registry';
import { useUnsaved } from '../../app/unsaved';
import { useMessages } from '../../i18n';
import { maxTags, sameTags, tagChanges } from '../../parts/resourceTags';
import { ConflictAlert } from '../../parts/saving/ConflictAlert';
import { focusInvalid, SubmitProblem } from '../../parts/saving/SubmitProblem';
import { revisionOf, useGuardedSave } from '../../parts/saving/useGuardedSave';

export function ResourceTagsTab({ repository }: { repository: Repository }) {
  const { repositories: m, shell } = useMessages();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  const resourceArn = repository.repositoryArn;
  const read = useECR('ListTagsForResource', { resourceArn });
  const [edited, setEdited] = useState<{ tags: readonly TagEditorProps.Tag[]; valid: boolean }>();
  const saved = read.data?.tags ?? [];
  const changes = edited ? tagChanges(saved, edited.tags) : undefined;
  const changed = changes !== undefined && changes.tags.length + changes.tagKeys.length > 0;
  const unsaved = useUnsaved(changed);
  const readTags = async () => {
    const { value, revision } = await readRevised(registry, 'ListTagsForResource', { resourceArn });
    return { value: value.tags, revision };
  };
  const guard = useGuardedSave({
    stored: saved,
    edited: changed,
    read: readTags,
    same: sameTags,
    write: async ({ tags, tagKeys }: ReturnType<typeof tagChanges>, base) => {
      // First what goes: there may be room for no more.
      if (tagKeys.length > 0) {
        await replace(registry, base, 'UntagResource', { resourceArn, tagKeys });
      }
      if (tags.length > 0) {
        const left = saved.filter((tag) => !tagKeys.includes(tag.Key));
        base = tagKeys.length > 0 ? await revisionOf(readTags, left, sameTags) : base;
        await replace(registry, base, 'TagResource', { resourceArn, tags });
      }
      return (await readTags()).value;
    },
    reread: () => reread(registry, 'ListTagsForResource'),
    onSaved: () => {
      setEdited(undefined);
      notify({ type: 'success', header: m.saved, id: 'saved' });
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (changed && edited?.valid) {
          guard.save(changes);
        } else {
          focusInvalid(event.currentTarget);
        }
      }}
    >
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" disabled={!changed} onClick={() => setEdited(undefined)}>
              {shell.cancel}
            </Button>
            <Button variant="primary" formAction="submit" disabled={!changed || guard.conflict} loading={guard.saving}>
              {shell.save}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="m">
          <Problem error={read.error ?? (read.data ? undefined : read.failureReason)} />
          <SubmitProblem error={guard.error} />
          <ConflictAlert guard={guard} texts={m} onTakeStored={() => setEdited(undefined)}>
            {saved.length > 0 ? (
              <KeyValuePairs items={saved.map((tag) => ({ label: tag.Key, value: tag.Value }))} />
            ) : (
              <div>{m.noTags}</div>
            )}
          </ConflictAlert>
          <Container
            header={
              <Header variant="h2" description={m.tagsAdvice}>
                {m.tags}
              </Header>
            }
          >
            <TagEditor
              loading={read.isPending}
              tags={edited?.tags ?? saved.map((tag) => ({ key: tag.Key, value: tag.Value, existing: true }))}
              tagLimit={maxTags}
              onChange={({ detail }) => setEdited(detail)}
            />
          </Container>
        </SpaceBetween>
      </Form>
      {unsaved.prompt}
    </form>
  );
}
