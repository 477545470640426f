import Locks
import Synchronization
import Transport

/// What the thread of the console and all others share.
final class ConsoleLink: Sendable {
    enum Message: Sendable {
        case wake
        case answer(ExchangeID, ConsoleResponse)
    }

    /// Answers that the thread may be behind with: many more than requests can be under way, so
    /// that only ones that come far too late are lost.
    private static let mailboxCapacity = 4096

    let mailbox: Mailbox<Message>
    /// In order; kept apart from the mailbox, because none of them may be lost.
    private let adoptions = Guarded<[PreparedConsole?]>([])
    private let isStopping = Atomic(false)
    let log: @Sendable (ConsoleNotice) -> Void

    init(log: @escaping @Sendable (ConsoleNotice) -> Void) throws(SystemError) {
        mailbox = try Mailbox(capacity: Self.mailboxCapacity)
        self.log = log
    }

    func adopt(_ console: PreparedConsole?) {
        adoptions.withLock { $0.append(console) }
        // A full mailbox wakes the thread as well.
        mailbox.post(.wake)
    }

    func takeAdoptions() -> [PreparedConsole?] {
        adoptions.withLock { adoptions in
            let taken = adoptions
            adoptions = []
            return taken
        }
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        mailbox.post(.wake)
    }

    var hasStopped: Bool { isStopping.load(ordering: .acquiring) }
}
