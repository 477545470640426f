import Clock
import Transport

/// What another thread was to do has not come.
package struct TookTooLong: Error {}

/// Waits until something is so that another thread does.
package func wait(until isSo: () -> Bool) throws {
    let end = SystemClock.now() + .seconds(20)
    let poller = try Poller()
    while !isSo() {
        guard SystemClock.now() < end else { throw TookTooLong() }
        _ = poller.wait(milliseconds: 2)
    }
}
