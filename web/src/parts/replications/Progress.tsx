import ProgressBar from '@cloudscape-design/components/progress-bar';

import type { Replication } from '../../api/twinport';
import { useMessages, type Messages } from '../../i18n';
import { useFormat, type Format } from '../../i18n/format';

/** What is being sent, or was: of a replication, or of several together. */
export type Sending = Pick<Replication, 'bytesTotal' | 'bytesSent' | 'bytesPerSecond' | 'timeLeftInMillis'>;

/** Whether a replication to a peer is being sent now. */
export function isSending(r: Replication): boolean {
  return r.status === 'IN_PROGRESS' && r.begunAt !== undefined && r.bytesTotal !== undefined;
}

export function percentSent({ bytesTotal = 0, bytesSent = 0 }: Sending): number {
  return bytesTotal > 0 ? Math.min(100, Math.floor((100 * bytesSent) / bytesTotal)) : 0;
}

/** How much was sent, how quickly, and how long the rest takes, in one line. */
export function sendingText(s: Sending, m: Messages['activity'], f: Format): string {
  const parts = [m.sentOf(f.bytes(s.bytesSent ?? 0), f.bytes(s.bytesTotal ?? 0))];
  if (s.bytesPerSecond) {
    parts.push(m.perSecond(f.bytes(s.bytesPerSecond)));
  }
  if (s.timeLeftInMillis) {
    parts.push(m.timeLeft(f.duration(Math.max(1, Math.round(s.timeLeftInMillis / 1000)) * 1000)));
  }
  return parts.join(m.partsApart);
}

/** A bar that shows how much was sent. */
export function Progress({ sending, label }: { sending: Sending; label: string }) {
  const m = useMessages().activity;
  const f = useFormat();
  return (
    <ProgressBar
      variant="key-value"
      value={percentSent(sending)}
      label={label}
      additionalInfo={sendingText(sending, m, f)}
    />
  );
}
