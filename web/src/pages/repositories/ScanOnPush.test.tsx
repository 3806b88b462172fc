import { fireEvent, screen, waitFor } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { FoundRepository } from '../../api/twinport';
import { useTwinport } from '../../app/registry';
import * as en from '../../i18n/en';
import * as ja from '../../i18n/ja';
import { show } from '../../testing/show';
import { ScanOnPush } from './ScanOnPush';

function First() {
  const [repository] = useTwinport('FindRepositories', {}).data?.repositories ?? [];
  return repository ? <ScanOnPush repository={repository} /> : null;
}

test.each([
  { language: 'en' as const, m: en },
  { language: 'ja' as const, m: ja },
])('scans on push are switched on in $language, once the server does not refuse that', async ({ language, m }) => {
  const server = { on: false, refuses: true };
  await show(<First />, {
    language,
    answers: {
      FindRepositories: () => {
        const repository: FoundRepository = {
          registryId: '111122223333',
          repositoryName: 'app',
          repositoryArn: 'arn:aws:ecr:us-east-1:111122223333:repository/app',
          repositoryUri: 'localhost:8080/111122223333/us-east-1/app',
          createdAt: 1.7e9,
          imageTagMutability: 'MUTABLE',
          imageScanningConfiguration: { scanOnPush: server.on },
          hasPolicy: false,
          replicatesTo: [],
        };
        return { repositories: [repository] };
      },
      PutImageScanningConfiguration: ({ repositoryName, imageScanningConfiguration }) => {
        if (server.refuses) {
          throw 'AccessDeniedException';
        }
        server.on = repositoryName === 'app' && imageScanningConfiguration.scanOnPush === true;
        return {};
      },
    },
  });
  await screen.findByText(m.repositories.scansNot);
  fireEvent.click(screen.getByRole('button', { name: m.repositories.editScanOnPush }));
  screen.getByText(m.registrySettings.nothingScans);
  const save = screen.getByRole<HTMLButtonElement>('button', { name: m.shell.save });
  expect(save.disabled).toBe(true);
  fireEvent.click(screen.getByRole('checkbox', { name: m.repositories.scanOnPushChoice }));
  fireEvent.click(save);
  await screen.findByText(/AccessDeniedException/);
  server.refuses = false;
  fireEvent.click(save);
  await screen.findByText(m.repositories.scansOnPush);
  await waitFor(() => expect(screen.queryByRole('checkbox')).toBeNull());
});
