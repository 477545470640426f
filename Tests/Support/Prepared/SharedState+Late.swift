import Bookkeeping
package import Generations
package import LateStores
import Locks
import Sessions
import Settings

extension SharedState {
    /// With a store of sessions that answers when a test says so.
    package static func late() throws -> (SharedState, LateStore) {
        let made = Guarded<LateStore?>(nil)
        let shared = try SharedState(workerCount: 1) { outlets in
            let store = LateStore(outlets)
            made.withLock { $0 = store }
            return store
        }
        shared.log.set(level: .error)
        guard let store = made.withLock({ $0 }) else { throw NoStore() }
        return (shared, store)
    }

    private struct NoStore: Error {}
}
