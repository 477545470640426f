import Clock
import Identity
import JWT
import KeySets
import Peers
import Settings
import Transport

/// A service, and what it reports.
final class Watch {
    struct TookTooLong: Error {
        var reports: [KeySetReport]
    }

    let service: KeySetService
    private(set) var reports: [KeySetReport] = []
    private let mailbox: Mailbox<KeySetReport>
    private let poller: Poller

    init(clock: KeySetClock = KeySetClock(), _ sources: Set<KeySetSource> = []) throws {
        let mailbox = try Mailbox<KeySetReport>(capacity: 100_000)
        self.mailbox = mailbox
        service = try KeySetService(clock: clock) { mailbox.post($0) }
        poller = try Poller()
        try poller.add(mailbox.descriptorNumber, token: 1, interest: .readable)
        service.use(sources)
    }

    deinit { service.stop() }

    /// Waits until what is reported, or what it led to, is as it should be.
    func wait(until isDone: (Watch) throws -> Bool) throws {
        let deadline = SystemClock.now() + .seconds(30)
        reports += mailbox.take()
        while try !isDone(self) {
            guard SystemClock.now() < deadline else { throw TookTooLong(reports: reports) }
            // Short, because the condition may depend on another process.
            _ = poller.wait(milliseconds: 20)
            reports += mailbox.take()
        }
    }

    /// What the log was told, in order.
    var notices: [KeySetRecord.Notice] { reports.compactMap(\.notice) }

    /// The `kid`s of the keys that are in use now.
    func keyIDs(_ source: KeySetSource) -> [String?]? {
        service.current(source)?.document?
            .keys(for: [.es256], allowsWeakKeys: false).usable.map(\.keyID)
    }
}

extension KeySetRecord.Notice {
    var text: String {
        switch self {
        case .warning(let text), .info(let text): text
        }
    }

    var isWarning: Bool { if case .warning = self { true } else { false } }
}
