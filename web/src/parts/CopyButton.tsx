import CopyToClipboard, { type CopyToClipboardProps } from '@cloudscape-design/components/copy-to-clipboard';

import { useMessages } from '../i18n';

/** A button that copies a text, or with `inline` the text with a button after it. */
export function CopyButton(props: Omit<CopyToClipboardProps, 'copySuccessText' | 'copyErrorText'>) {
  const m = useMessages().shell;
  return (
    <CopyToClipboard
      copyButtonAriaLabel={m.copy}
      {...props}
      copySuccessText={m.copied}
      copyErrorText={m.copyFailed}
      popoverRenderWithPortal
    />
  );
}
