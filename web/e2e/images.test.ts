// Images as a person sees them: what belongs to an index, and what deleting it takes along.

import { expect } from 'vitest';

import { messages, test, visit } from './console';
import { furnish, source } from './scene';

const m = messages.en;

test('an index shows its platforms and its SBOM, and is deleted with the SBOM', async ({ open, server }) => {
  await furnish(server);
  const page = await open();
  await visit(page, m, source, 'repository/team/web');

  await page.getByRole('button', { name: m.repositories.pushCommands }).click();
  const commands = page.getByRole('dialog');
  await commands
    .getByText(`docker push ${server.image(source, 'team/web')}`)
    .first()
    .waitFor();
  await commands.getByRole('button', { name: m.shell.close }).first().click();

  await page.getByRole('button', { name: m.images.expand('1.5.0') }).click();
  for (const part of ['linux/amd64', 'linux/arm64', m.images.kinds.sbom]) {
    await page.getByText(part).first().waitFor();
  }

  await page.getByRole('checkbox', { name: m.images.select('1.5.0') }).check();
  await page.getByRole('button', { name: m.images.delete, exact: true }).last().click();
  const question = page.getByRole('dialog');
  await question.getByText(m.images.referrersToo(1)).waitFor();
  await question.getByText(m.images.taggedStay).waitFor(); // the platforms' images have tags of their own
  await question.getByRole('button', { name: m.images.delete, exact: true }).click();
  await page.getByText(m.images.deleted(2)).waitFor();
  await page.getByRole('link', { name: '1.5.0', exact: true }).waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: '1.5.0-amd64', exact: true }).waitFor();
  const { images } = await server.twinport(source, 'FindImages', { repositoryName: 'team/web' });
  expect(images.flatMap((image) => image.imageTags ?? []).sort()).toEqual(['1.4.0', '1.5.0-amd64', '1.5.0-arm64']);
});
