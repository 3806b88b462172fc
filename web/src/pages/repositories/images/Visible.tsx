import Box from '@cloudscape-design/components/box';

import { visible } from './visible';

/** A text that whoever pushed the image wrote, as it is, in letters of one width if it is for machines. */
export function Visible({ text, code = true }: { text: string; code?: boolean }) {
  return (
    <Box variant={code ? 'code' : 'span'}>
      <span dir="ltr" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
        {visible(text)}
      </span>
    </Box>
  );
}
