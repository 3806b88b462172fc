import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import { permissions as m } from '../../i18n/en/permissions';
import { policy as editorTexts } from '../../i18n/en/policy';
import { shell } from '../../i18n/en/shell';
import { policyText, type Statement } from '../../parts/policy/document';
import { show } from '../../testing/show';
import { PermissionsPage } from './PermissionsPage';

const there: Statement = { Sid: 'There', Effect: 'Allow', Principal: '*', Action: 'ecr:BatchGetImage', Resource: '*' };
const stored = policyText({ Version: '2012-10-17', Statement: [there] });

/** Shows the page over a registry whose policy is kept; the server refuses what says so. */
async function showPage(begin = stored) {
  const server = { policy: begin, puts: [] as string[] };
  await show(<PermissionsPage />, {
    answers: {
      GetRegistryPolicy: () => {
        if (server.policy === '') {
          throw 'RegistryPolicyNotFoundException';
        }
        return { registryId: '111122223333', policyText: server.policy };
      },
      PutRegistryPolicy: ({ policyText }) => {
        server.puts.push(policyText);
        if (policyText.includes('refuse')) {
          throw 'InvalidParameterException';
        }
        server.policy = policyText;
        return { registryId: '111122223333', policyText };
      },
      DeleteRegistryPolicy: () => {
        const before = server.policy;
        server.policy = '';
        return { registryId: '111122223333', policyText: before };
      },
      ValidatePolicy: ({ policyText }) => ({
        problems: policyText.includes('wrong')
          ? [{ line: 2, column: 3, path: 'Version', message: 'not a version' }]
          : [],
      }),
    },
  });
  await editor();
  return server;
}

const editor = () => screen.findByLabelText<HTMLTextAreaElement>(m.policy, { selector: 'textarea' });
const type = async (text: string) => fireEvent.change(await editor(), { target: { value: text } });
const save = () => fireEvent.click(screen.getByRole('button', { name: shell.save }));
const status = () => within(screen.getByRole('status'));

test('a mistake is reported with its line, here for JSON and by the server for the rest, and is not sent', async () => {
  const server = await showPage();
  await type('{\n  "Version": 1,\n}');
  await status().findByText(editorTexts.json.name);
  expect(status().getByText(editorTexts.position(3, 1))).toBeTruthy();
  save();
  await type('{\n  "Version": "wrong"}');
  await status().findByText(/not a version/);
  expect(status().getByText(editorTexts.position(2, 3))).toBeTruthy();
  save();
  expect(server.puts).toEqual([]);
  expect(document.activeElement).toBe(await editor());
});

test('a generated statement is added to the text, which is saved as a whole', async () => {
  const server = await showPage();
  fireEvent.click(screen.getByRole('button', { name: m.generate }));
  fireEvent.click(screen.getByRole('button', { name: m.addToPolicy }));
  expect(screen.getByText(m.problems.missing)).toBeTruthy();
  fireEvent.change(screen.getByLabelText(m.accounts), { target: { value: '4444-5555' } });
  expect(screen.getByText(m.problems.accountCharacters('4444-5555'))).toBeTruthy();
  fireEvent.change(screen.getByLabelText(m.accounts), { target: { value: '444455556666' } });
  expect(screen.getByLabelText(m.preview).textContent).toContain('arn:aws:iam::444455556666:root');
  fireEvent.click(screen.getByRole('button', { name: m.addToPolicy }));
  await screen.findByText(m.added('ReplicationAccessCrossAccount'));
  expect(server.puts).toEqual([]);
  save();
  await waitFor(() => expect(server.puts).toHaveLength(1));
  expect(JSON.parse(server.policy)).toMatchObject({
    Version: '2012-10-17',
    Statement: [there, { Sid: 'ReplicationAccessCrossAccount' }],
  });
});

test('what another has saved meanwhile is not overwritten without a word', async () => {
  const server = await showPage();
  const mine = policyText({ Version: '2012-10-17', Statement: [] });
  await type(mine);
  server.policy = policyText({ Version: '2012-10-17', Statement: [{ ...there, Sid: 'Theirs' }] });
  save();
  await screen.findByRole('button', { name: m.keepMine });
  expect(server.puts).toEqual([]);
  expect((await editor()).value).toBe(mine);
  fireEvent.click(screen.getByRole('button', { name: m.keepMine }));
  save();
  await waitFor(() => expect(server.policy).toBe(mine));
});

test('what is refused stays in the editor', async () => {
  await showPage('');
  const mine = '{"Statement": "refuse"}';
  await type(mine);
  save();
  await screen.findByText(/InvalidParameterException/);
  expect((await editor()).value).toBe(mine);
});

test('an empty text deletes the policy', async () => {
  const server = await showPage();
  await type(' ');
  save();
  await waitFor(() => expect(server.policy).toBe(''));
  expect(server.puts).toEqual([]);
});
