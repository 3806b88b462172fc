package metadata

import (
	"fmt"
	"runtime/debug"
)

// Tx is a write transaction. It is only valid inside the function that
// Update calls.
type Tx struct {
	*Queries
	stale    staleFacts
	onCommit []func()
}

// The queries and changes of each subject.

func (tx *Tx) Registries() RegistriesTx     { return RegistriesTx{Registries{tx.conn}, tx} }
func (tx *Tx) Repositories() RepositoriesTx { return RepositoriesTx{Repositories{tx.conn}, tx} }
func (tx *Tx) Images() ImagesTx             { return ImagesTx{Images{tx.conn}, tx} }
func (tx *Tx) Tags() TagsTx                 { return TagsTx{Tags{tx.conn}, tx} }
func (tx *Tx) Layers() LayersTx             { return LayersTx{Layers{tx.conn}, tx} }
func (tx *Tx) Uploads() UploadsTx           { return UploadsTx{Uploads{tx.conn}, tx} }
func (tx *Tx) Replications() ReplicationsTx { return ReplicationsTx{Replications{tx.conn}, tx} }
func (tx *Tx) Deletions() DeletionsTx       { return DeletionsTx{Deletions{tx.conn}, tx} }
func (tx *Tx) Backfills() BackfillsTx       { return BackfillsTx{Backfills{tx.conn}, tx} }
func (tx *Tx) Sessions() SessionsTx         { return SessionsTx{Sessions{tx.conn}, tx} }
func (tx *Tx) Leases() LeasesTx             { return LeasesTx{Leases{tx.conn}, tx} }
func (tx *Tx) Lifecycle() LifecycleTx       { return LifecycleTx{Lifecycle{tx.conn}, tx} }
func (tx *Tx) Upkeep() UpkeepTx             { return UpkeepTx{Upkeep{tx.conn}, tx} }
func (tx *Tx) CreationTemplates() CreationTemplatesTx {
	return CreationTemplatesTx{CreationTemplates{tx.conn}, tx}
}
func (tx *Tx) Peers() PeersTx                 { return PeersTx{Peers{tx.conn}, tx} }
func (tx *Tx) PeerLayers() PeerLayersTx       { return PeerLayersTx{PeerLayers{tx.conn}, tx} }
func (tx *Tx) PeerParts() PeerPartsTx         { return PeerPartsTx{PeerParts{tx.conn}, tx} }
func (tx *Tx) PeerPositions() PeerPositionsTx { return PeerPositionsTx{PeerPositions{tx.conn}, tx} }
func (tx *Tx) Damage() DamageTx               { return DamageTx{Damage{tx.conn}, tx} }
func (tx *Tx) Identities() IdentitiesTx       { return IdentitiesTx{Identities{tx.conn}, tx} }
func (tx *Tx) ManagedPolicies() ManagedPoliciesTx {
	return ManagedPoliciesTx{ManagedPolicies{tx.conn}, tx}
}
func (tx *Tx) AccessKeys() AccessKeysTx { return AccessKeysTx{AccessKeys{tx.conn}, tx} }

// OnCommit runs f after the transaction is durable and before Update returns.
// It is not run if the transaction fails. f must not block.
func (tx *Tx) OnCommit(f func()) { tx.onCommit = append(tx.onCommit, f) }

// run keeps a panic in one caller's function from ending more than its update.
func (tx *Tx) run(fn func(*Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in an update: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(tx)
}

func (tx *Tx) committed() {
	for _, f := range tx.onCommit {
		f()
	}
}

// must turns "no row changed" into ErrNotFound.
func must(changed int64, err error) error {
	if err == nil && changed == 0 {
		return fmt.Errorf("%w: no row to change", ErrNotFound)
	}
	return err
}

func some(changed int64, err error) (bool, error) { return changed > 0, err }
