import type { OfferedRegion } from '../../parts/peers/regions';
import type { Field, ReplicationForm } from './form';

/** What the steps need of the form that is being edited. */
export interface Editing {
  form: ReplicationForm;
  /** The Regions that destinations may be in. */
  offered: readonly OfferedRegion[];
  change: (form: ReplicationForm) => void;
  /** What to say beside a field, if anything is wrong with it and it is time to say so. */
  errorOf: (key: string, field: Field) => string | undefined;
  /** Notes that a field was left. */
  leave: (key: string, field: Field) => void;
}
