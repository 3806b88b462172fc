import { CopyButton } from '../CopyButton';

import './command.css';

/** A text for a terminal, with a button that copies it. */
export function Command({ text, label }: { text: string; label: string }) {
  return (
    <div className="command">
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <CopyButton variant="icon" textToCopy={text} copyButtonAriaLabel={label} />
    </div>
  );
}
