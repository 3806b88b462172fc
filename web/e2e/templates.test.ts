// A creation template is made, has a push create its repository, is edited, and deleted.

import { expect } from 'vitest';

import { expectAccessible } from './accessibility';
import { messages, settle, test, visit } from './console';
import { prod, virginia, type Registry } from './server';

const m = messages.en;
const here: Registry = { account: prod, region: virginia };

test('a push creates a repository as a template says', async ({ open, server }) => {
  const page = await open();
  await visit(page, m, here, 'templates');
  await page.getByText(m.templates.none).waitFor();
  await page.getByRole('link', { name: m.templates.create }).first().click();
  await page.getByRole('textbox', { name: m.templates.prefix }).fill('team');
  await page.getByRole('radio', { name: m.repositories.immutable }).check();
  await page.getByLabel(m.templates.lifecyclePolicy).fill(
    JSON.stringify({
      rules: [
        {
          rulePriority: 1,
          selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 5 },
          action: { type: 'expire' },
        },
      ],
    }),
  );
  await page.getByText(m.policy.valid).waitFor();
  await settle(page);
  await expectAccessible(page);
  await page.getByRole('button', { name: m.templates.create }).click();
  await page.getByText(m.templates.created('team')).waitFor();

  await server.push(here, 'team/new:1', 'hello');
  const { repositories } = await server.ecr(here, 'DescribeRepositories', { repositoryNames: ['team/new'] });
  expect(repositories[0]!.imageTagMutability).toBe('IMMUTABLE');
  await server.ecr(here, 'GetLifecyclePolicy', { repositoryName: 'team/new' });

  await page.getByRole('link', { name: m.templates.editOf('team') }).click();
  await page.getByRole('textbox', { name: m.templates.templateDescription }).fill('of teams');
  await page.getByRole('checkbox', { name: m.templates.occasions.REPLICATION }).check();
  // Another changes it meanwhile, and keeps what is not edited here.
  await server.ecr(here, 'UpdateRepositoryCreationTemplate', { prefix: 'team', imageTagMutability: 'MUTABLE' });
  await page.getByText(m.repositories.conflict).waitFor();
  await page.getByRole('button', { name: m.repositories.takeStored }).click();
  await page.getByRole('textbox', { name: m.templates.templateDescription }).fill('of teams');
  await page.getByRole('button', { name: m.shell.save, exact: true }).click();
  await page.getByText(m.templates.saved('team')).waitFor();
  const read = await server.ecr(here, 'DescribeRepositoryCreationTemplates', {});
  expect(read.repositoryCreationTemplates).toMatchObject([
    { prefix: 'team', description: 'of teams', imageTagMutability: 'MUTABLE', appliedFor: ['CREATE_ON_PUSH'] },
  ]);

  await page.getByRole('button', { name: m.templates.deleteOf('team') }).click();
  await page.getByRole('dialog').getByRole('button', { name: m.shell.delete, exact: true }).click();
  await page.getByText(m.templates.deleted('team')).waitFor();
  await page.getByText(m.templates.none).waitFor();
});
