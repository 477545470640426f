internal import Glibc

/// A value that several threads share, reachable only under its lock.
///
/// A POSIX mutex, unlike the standard library's, is one that ThreadSanitizer knows: what it reports
/// of this code is a race. Held for a few memory accesses when a session begins or ends or a
/// message is posted, never on the way of octets. Nothing is called, awaited or logged under it.
@safe
package final class Guarded<Value: Sendable>: Sendable {
    // The mutex has to stay where it is made; allocated in `init`, freed in `deinit`.
    private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
    // Read and written under `mutex` only.
    private nonisolated(unsafe) var value: Value

    package init(_ value: Value) {
        // No other thread has this object yet.
        unsafe self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        // Default attributes; fails only for want of memory.
        let made = unsafe pthread_mutex_init(mutex, nil)
        precondition(made == 0, "no mutex")
    }

    deinit {
        // The last reference is gone, so the mutex is not locked.
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` with the value while no other thread does; `body` must not come back here.
    package func withLock<Result, Failure>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The mutex lives as long as this object; a default mutex does not fail to lock.
        unsafe pthread_mutex_lock(mutex)
        defer {
            // Locked above, by this thread.
            unsafe pthread_mutex_unlock(mutex)
        }
        return try unsafe body(&value)
    }
}
