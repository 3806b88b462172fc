// The lifecycle policy of a repository as its tab shows and saves it.

import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { Repository } from '../../../api/ecr';
import type { LifecyclePreview, LifecycleRun, PolicyProblem } from '../../../api/twinport';
import { lifecycle as m } from '../../../i18n/en/lifecycle';
import { formatOf } from '../../../i18n/format';
import { repositories } from '../../../i18n/en/repositories';
import { shell } from '../../../i18n/en/shell';
import { show, type Answers } from '../../../testing/show';
import { LifecycleTab } from './LifecycleTab';

const repository: Repository = {
  registryId: '111122223333',
  repositoryName: 'app',
  repositoryArn: 'arn:aws:ecr:us-east-1:111122223333:repository/app',
  repositoryUri: 'localhost:8080/111122223333/us-east-1/app',
  createdAt: 1.7e9,
  imageTagMutability: 'MUTABLE',
};

const untagged =
  '{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":7},"action":{"type":"expire"}}';
const any =
  '{"rulePriority":2,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":9},"action":{"type":"expire"}}';
const both = `{"rules":[${untagged},${any}]}`;

const run: LifecycleRun = {
  runId: '7',
  status: 'COMPLETE',
  lifecyclePolicyText: both,
  startedAt: 1.7e9,
  endedAt: 1.7e9 + 2,
  markedImageCount: 2,
  markedSizeInBytes: 3_000_000,
  expiredImageCount: 1,
};

/** A server that keeps a policy, and what it finds wrong with every text. */
async function showTab({
  stored = '',
  problems = [],
  runs = [],
  answers = {},
}: { stored?: string; problems?: PolicyProblem[]; runs?: LifecycleRun[]; answers?: Answers } = {}) {
  const server = { stored, previewed: [] as string[] };
  const preview = (): LifecyclePreview => ({
    status: 'COMPLETE',
    lifecyclePolicyText: server.previewed.at(-1)!,
    startedAt: server.previewed.length,
    expiringImageCount: 132,
    expiringSizeInBytes: 4_200_000_000,
    transitioningImageCount: 0,
    images: [
      {
        imageDigest: `sha256:${'a'.repeat(64)}`,
        imageTags: ['1', '2', '3', '4', '5'],
        imagePushedAt: 1.6e9,
        imageSizeInBytes: 5,
        appliedRulePriority: 2,
        action: 'EXPIRE',
      },
    ],
  });
  await show(<LifecycleTab repository={repository} />, {
    answers: {
      GetLifecyclePolicy: () => {
        if (server.stored === '') {
          throw 'LifecyclePolicyNotFoundException';
        }
        return { lifecyclePolicyText: server.stored, lastEvaluatedAt: 0 };
      },
      PutLifecyclePolicy: ({ lifecyclePolicyText }) => {
        server.stored = JSON.stringify(JSON.parse(lifecyclePolicyText));
        return { lifecyclePolicyText: server.stored };
      },
      DeleteLifecyclePolicy: () => {
        server.stored = '';
        return { lifecyclePolicyText: '', lastEvaluatedAt: 0 };
      },
      ValidatePolicy: () => ({ problems }),
      StartLifecyclePolicyPreview: ({ lifecyclePolicyText = '' }) => {
        server.previewed.push(lifecyclePolicyText);
        return { lifecyclePolicyText };
      },
      DescribeLifecyclePreview: preview,
      ListLifecycleRuns: { runs, nextRunAt: 4e9 },
      ...answers,
    },
  });
  return server;
}

/** The button with a text; among so many fields it is found sooner than by its role. */
const button = async (text: string) => (await screen.findByText(text)).closest<HTMLElement>('button, [role="button"]')!;
const press = async (text: string) => fireEvent.click(await button(text));
const json = () => screen.findByLabelText<HTMLTextAreaElement>(m.json);

test('a ready-made policy is previewed while it is edited, and saved', async () => {
  const server = await showTab();
  await press(m.presets.untagged);
  fireEvent.change(screen.getByLabelText(m.countOfDays), { target: { value: '9' } });
  await screen.findAllByText(m.wouldExpire(132, '4.2 GB'));
  expect(screen.getByText('1, 2, 3').closest('a')).toBeTruthy();
  const text = (await json()).value;
  expect(server.previewed).toEqual([text]);
  await press(shell.save);
  await waitFor(() => expect(JSON.stringify(JSON.parse(server.stored))).toBe(JSON.stringify(JSON.parse(text))));
  await screen.findByText(m.previewAgain); // what was found stays, and so does the form
  expect((await button(m.rule('1'))).getAttribute('aria-expanded')).toBe('true');
  expect(server.stored).toContain('"countNumber":9');
});

test('a stored policy is previewed when that is asked for', async () => {
  const server = await showTab({ stored: both });
  await screen.findByText(m.previewAsked);
  await screen.findByText(m.sentence(m.about('untagged', '', false), m.does('expire', 'sinceImagePushed', 7), ''));
  expect(server.previewed).toEqual([]);
  await waitFor(() => expect(screen.getByText(m.previewNow).closest('button')!.disabled).toBe(false));
  await press(m.previewNow);
  await screen.findAllByText(m.wouldExpire(132, '4.2 GB'));
  expect(server.previewed).toHaveLength(1);
});

test('a rule that is moved acts earlier, and stays open', async () => {
  await showTab({ stored: both });
  const second = await button(m.rule('2'));
  fireEvent.click(second);
  expect(second.getAttribute('aria-expanded')).toBe('true');
  fireEvent.click(screen.getByLabelText(m.moveUp('2')));
  expect(JSON.parse((await json()).value)).toMatchObject({
    rules: [
      { rulePriority: 1, selection: { tagStatus: 'any' } },
      { rulePriority: 2, selection: { tagStatus: 'untagged' } },
    ],
  });
  expect(second.textContent).toContain(m.rule('1'));
  expect(second.getAttribute('aria-expanded')).toBe('true');
  // A priority that is typed puts the rule there once the field is left.
  const priority = screen.getAllByLabelText(m.priority)[0]!;
  fireEvent.change(priority, { target: { value: '30' } });
  fireEvent.blur(priority);
  expect(JSON.parse((await json()).value)).toMatchObject({ rules: [{ rulePriority: 2 }, { rulePriority: 30 }] });
  expect(second.textContent).toContain(m.rule('30'));
});

test('what the server finds wrong stands at the field, and keeps the policy from being saved', async () => {
  const message = 'numeric instance is lower than the required minimum (minimum: 1, found: 0)';
  const problems = [{ line: 1, column: 2, path: 'rules[1].selection.countNumber', message }];
  await showTab({ stored: both, problems });
  await screen.findByText(m.mistake);
  await press(m.rule('2'));
  fireEvent.change(screen.getAllByLabelText(m.countOfImages)[0]!, { target: { value: '0' } });
  await waitFor(() => expect(screen.getAllByText(message)).toHaveLength(2));
  expect(createWrapper().findFormField(':has([value="0"])')?.findError()?.getElement().textContent).toContain(message);
  await screen.findByText(m.previewAfterFix);
  expect((await button(shell.save)).getAttribute('aria-disabled')).toBe('true');
});

test('while the text is no policy its last rules are shown, and a rule that only the text shows is kept', async () => {
  const server = await showTab({ stored: both.replace('"untagged"', '"untagged","storageClass":"standard"') });
  await press(m.rule('1'));
  await screen.findByText(m.hidden('selection.storageClass'));
  const area = await json();
  const { value } = area;
  fireEvent.change(area, { target: { value: `${value}}` } });
  await screen.findByText(m.notShown);
  expect(screen.getByText(m.hidden('selection.storageClass')).closest('[inert]')).toBeTruthy();
  fireEvent.change(area, { target: { value } });
  fireEvent.change(screen.getAllByLabelText(m.countOfDays)[0]!, { target: { value: '8' } });
  await waitFor(() => expect(screen.getByText(shell.save).closest('button')!.getAttribute('aria-disabled')).toBeNull());
  await press(shell.save);
  await waitFor(() => expect(server.stored).toContain('"countNumber":8'));
  expect(server.stored).toContain('"storageClass":"standard"');
});

test('what someone else has saved meanwhile is not overwritten without a word', async () => {
  const server = await showTab({ stored: both });
  await press(m.clear);
  server.stored = `{"rules":[${any}]}`;
  await press(shell.save);
  await screen.findAllByText(repositories.conflict); // the alert, and why Save is disabled
  expect(server.stored).toBe(`{"rules":[${any}]}`);
  await press(repositories.keepMine);
  await press(shell.save);
  await waitFor(() => expect(server.stored).toBe(''));
});

test('the runs say what each has deleted', async () => {
  const images = [
    { imageDigest: 'sha256:aaaa', imageTags: ['old'], outcome: 'EXPIRED' as const },
    { imageDigest: 'sha256:bbbb', imageTags: [], outcome: 'KEPT' as const, outcomeReason: 'An index names it now.' },
  ].map((image) => ({ ...image, imagePushedAt: 1.6e9, imageSizeInBytes: 5, appliedRulePriority: 1 }));
  await showTab({ runs: [run], answers: { ListLifecycleRunImages: { images } } });
  await screen.findByText(m.markedOf(2, '3 MB'));
  await screen.findByText(m.statuses.COMPLETE);
  await press(formatOf('en').dateTime(run.startedAt));
  await screen.findByText('old');
  await screen.findByText(m.outcomes.KEPT);
  await screen.findByText('An index names it now.');
});

test('what is denied is said where it is denied', async () => {
  const deny = () => {
    throw 'AccessDeniedException';
  };
  await showTab({
    stored: both,
    answers: { StartLifecyclePolicyPreview: deny, PutLifecyclePolicy: deny, ListLifecycleRuns: deny },
  });
  await screen.findByText('ListLifecycleRuns: AccessDeniedException');
  fireEvent.change(await json(), { target: { value: both.replace('7', '8') } });
  await screen.findByText('StartLifecyclePolicyPreview: AccessDeniedException');
  await act(() => press(shell.save));
  await screen.findByText('PutLifecyclePolicy: AccessDeniedException');
});
