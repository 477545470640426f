import Clock
package import Transport

/// One thread waits for what another one has to say, once.
package struct Handover<Value: Sendable>: Sendable {
    private let mailbox: Mailbox<Value>

    package init() throws(SystemError) { mailbox = try Mailbox(capacity: 1) }

    package func give(_ value: Value) { mailbox.post(value) }

    /// Blocks until something was given.
    package func wait() throws(SystemError) -> Value {
        while true {
            if let value = try wait(milliseconds: -1) { return value }
        }
    }

    /// Blocks until something was given, or for so long; nil then.
    package func wait(atMost limit: Duration) throws(SystemError) -> Value? {
        let end = SystemClock.now() + limit
        while true {
            let left = (end - SystemClock.now()).wholeMilliseconds
            if let value = try wait(milliseconds: Int32(clamping: max(0, left + 1))) {
                return value
            }
            if left < 0 { return nil }
        }
    }

    private func wait(milliseconds: Int32) throws(SystemError) -> Value? {
        let poller = try Poller()
        try poller.add(mailbox.descriptorNumber, token: 0, interest: .readable)
        _ = poller.wait(milliseconds: milliseconds)
        return mailbox.take().first
    }
}
