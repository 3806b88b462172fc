import Box from '@cloudscape-design/components/box';
import Link from '@cloudscape-design/components/link';

import { useMessages } from '../i18n';

export function NotFoundPage() {
  const m = useMessages().shell;
  return (
    <Box padding="xxl" textAlign="center">
      <Box variant="h1" padding={{ bottom: 's' }}>{m.notFound}</Box>
      <Link href="/console/">{m.product}</Link>
    </Box>
  );
}
