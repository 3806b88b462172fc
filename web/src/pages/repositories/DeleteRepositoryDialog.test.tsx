import { fireEvent, screen, waitFor } from '@testing-library/react';
import { expect, test, vi } from 'vitest';

import type { FoundImage, FoundRepository } from '../../api/twinport';
import { repositories as m } from '../../i18n/en/repositories';
import { shell } from '../../i18n/en/shell';
import { show } from '../../testing/show';
import { DeleteRepositoryDialog } from './DeleteRepositoryDialog';

const repository: FoundRepository = {
  registryId: '111122223333',
  repositoryName: 'team/app',
  repositoryArn: 'arn:aws:ecr:us-east-1:111122223333:repository/team/app',
  repositoryUri: '111122223333.dkr.ecr.us-east-1.localhost:8080/team/app',
  createdAt: 1,
  imageTagMutability: 'MUTABLE',
  hasPolicy: false,
  replicatesTo: [],
};

/** Shows the dialog for a repository with so many images; what was asked for is listed in deleted. */
async function showDialog(images: number) {
  const deleted: unknown[] = [];
  const state = { images };
  const onDeleted = vi.fn();
  await show(<DeleteRepositoryDialog repository={repository} onClose={() => {}} onDeleted={onDeleted} />, {
    answers: {
      FindImages: () => ({
        images: Array.from({ length: state.images }, (_, i) => ({ imageDigest: `sha256:${i}` }) as FoundImage),
      }),
      DeleteRepository: (input) => {
        deleted.push(input);
        if (state.images > 0 && !input.force) {
          throw 'RepositoryNotEmptyException';
        }
        return { repository };
      },
    },
  });
  const type = (text: string) => fireEvent.change(screen.getByRole('textbox'), { target: { value: text } });
  const press = () => fireEvent.click(screen.getByRole('button', { name: shell.delete }));
  return { deleted, state, onDeleted, type, press };
}

test('nothing is deleted before the name is typed', async () => {
  const { deleted, type, press, onDeleted } = await showDialog(0);
  await screen.findByText(m.deleteEmpty, { exact: false });
  press();
  type('team/ap');
  press();
  expect(deleted).toEqual([]);
  type('team/app');
  press();
  await waitFor(() => expect(onDeleted).toHaveBeenCalled());
  expect(deleted).toEqual([{ repositoryName: 'team/app', force: false }]);
});

test('images are deleted once it was said that there are some', async () => {
  const { deleted, type, press } = await showDialog(1);
  await screen.findByText(m.deleteImagesToo, { exact: false });
  type('team/app');
  press();
  await waitFor(() => expect(deleted).toEqual([{ repositoryName: 'team/app', force: true }]));
});

test('a push in the meantime is reported, and the name need not be typed again', async () => {
  const { deleted, state, type, press, onDeleted } = await showDialog(0);
  await screen.findByText(m.deleteEmpty, { exact: false });
  state.images = 1;
  type('team/app');
  press();
  await screen.findByText(m.deleteNotEmpty);
  await screen.findByText(m.deleteImagesToo, { exact: false });
  press();
  await waitFor(() => expect(onDeleted).toHaveBeenCalled());
  expect(deleted).toEqual([
    { repositoryName: 'team/app', force: false },
    { repositoryName: 'team/app', force: true },
  ]);
});
