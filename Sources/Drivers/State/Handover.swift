package import Transport

/// One thread waits for what another one has to say, once.
package struct Handover<Value: Sendable>: Sendable {
    private let mailbox: Mailbox<Value>

    package init() throws(SystemError) { mailbox = try Mailbox(capacity: 1) }

    package func give(_ value: Value) { mailbox.post(value) }

    /// Blocks until something was given.
    package func wait() throws(SystemError) -> Value {
        let poller = try Poller()
        try poller.add(mailbox.descriptorNumber, token: 0, interest: .readable)
        while true {
            _ = poller.wait(milliseconds: -1)
            if let value = mailbox.take().first { return value }
        }
    }
}
