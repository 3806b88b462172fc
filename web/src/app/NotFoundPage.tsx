import Box from '@cloudscape-design/components/box';

import { useMessages } from '../i18n';
import { PageLink } from './PageLink';

export function NotFoundPage() {
  const m = useMessages().shell;
  return (
    <Box padding="xxl" textAlign="center">
      <Box variant="h1" padding={{ bottom: 's' }}>
        {m.notFound}
      </Box>
      <PageLink to="/">{m.product}</PageLink>
    </Box>
  );
}
