package import Clock
import Locks

/// The revocations of the process, shared by its workers and kept over reloads. To ask costs the
/// lock and one reference: the list itself is copied only when an entry is added while another
/// thread still holds it.
package final class RevocationStore: Sendable {
    private let list = Guarded(RevocationList())

    package init() {}

    /// As it is now: for one decision, not to be kept.
    package var current: RevocationList { list.withLock { $0 } }

    /// Adds an entry. The caller then ends the live connections that `Revocation.means`: in this
    /// order, and a new connection is registered before it is checked for revocations, so that none
    /// is missed.
    ///
    /// False when there are too many entries already; nothing was added then.
    package func add(_ revocation: Revocation, now: WallTime) -> Bool {
        list.withLock { $0.add(revocation, now: now) }
    }

    /// Takes an entry back. False when there is none.
    package func remove(_ revocation: Revocation) -> Bool {
        list.withLock { $0.remove(revocation) }
    }

    /// See `RevocationList.setFile`. The caller then ends the live connections that are revoked.
    package func setFile(_ file: RevocationFile?, of rule: String) {
        list.withLock { $0.setFile(file, of: rule) }
    }

    /// See `RevocationList.keepFiles`; after a reload.
    package func keepFiles(of rules: [String]) { list.withLock { $0.keepFiles(of: rules) } }

    /// Drops the entries that may be forgotten; every now and then.
    package func forget(now: WallTime) { list.withLock { $0.forget(now: now) } }
}
