internal import CLinux
internal import Glibc
internal import Locks

/// A bounded queue of messages into one worker, with an eventfd that wakes its poller. Any thread
/// posts; one thread takes.
package final class Mailbox<Message: Sendable>: Sendable {
    private let messages: Guarded<[Message]>
    private let capacity: Int
    private let number: Int32

    /// - Throws: `SystemError` when the process has no descriptor left.
    package init(capacity: Int) throws(SystemError) {
        let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard number >= 0 else { throw SystemError("eventfd") }
        self.number = number
        self.capacity = capacity
        messages = Guarded([])
    }

    deinit { Glibc.close(number) }

    /// What the taking worker watches for reading.
    package var descriptorNumber: Int32 { number }

    /// - Returns: false when the box is full and the message was not taken.
    @discardableResult
    package func post(_ message: Message) -> Bool {
        let posted = messages.withLock { messages in
            guard messages.count < capacity else { return false }
            messages.append(message)
            return true
        }
        var one: UInt64 = 1
        // An eventfd takes eight octets; when its counter is full the reader is awake already.
        _ = unsafe write(number, &one, 8)
        return posted
    }

    /// Everything posted since the last call, in order.
    package func take() -> [Message] {
        var count: UInt64 = 0
        // Resets the counter; eight octets.
        _ = unsafe read(number, &count, 8)
        return messages.withLock { messages in
            let taken = messages
            messages.removeAll(keepingCapacity: messages.count < 64)
            return taken
        }
    }
}
