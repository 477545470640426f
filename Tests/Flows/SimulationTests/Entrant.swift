import Clock
import Endings
import Entry
import HTTP
import Identity
import Sessions
import Settings
import WebSocket

/// What becomes of one request in the log: one line, with the reason that came first.
final class LogSlip {
    /// The number of its stream, by which everything that belongs to it is tagged.
    let stream: Int
    /// The first end by rule that it was told of while it lived.
    private(set) var firstEnd: EndReason?
    /// When it was told of it.
    private(set) var firstEndTime = Instant.never
    private(set) var lines: [EndReason] = []

    init(_ stream: Int) { self.stream = stream }

    /// An end by rule is told to a stream that lives.
    func note(_ reason: EndReason, at now: Instant) {
        guard firstEnd == nil else { return }
        firstEnd = reason
        firstEndTime = now
    }

    func write(_ reason: EndReason) { lines.append(reason) }
}

/// What the house knows of one request, from its head to its line in the log.
final class Entrant {
    let slip: LogSlip
    let generation: Generation
    let head: RequestHead
    let isWebSocket: Bool
    var found = Findings()
    /// Its place among what lives, with a token or without.
    var place: LiveLease?
    var live: LiveHold?
    var session: SessionLease?
    /// A WebSocket that the gateway has opened by itself.
    var opened: OpenedSocket?
    var hasContinued = false

    init(_ head: RequestHead, _ slip: LogSlip, by generation: Generation) {
        self.head = head
        self.slip = slip
        self.generation = generation
        isWebSocket = head.upgradesToWebSocket
    }

    var stream: Int { slip.stream }

    var route: RouteSettings? {
        found.route.map { generation.rules.book.routes[$0].settings }
    }

    /// What operators know the connection by.
    var listedID: SessionID? { session?.id ?? place?.id }

    func release(_ departure: Departure, at now: Instant) {
        live?.hasEnded = true
        place?.end()
        session?.end(departure, now: now)
    }
}

/// A WebSocket whose first message says whose it is.
final class OpenedSocket {
    var reader: MessageAssembler
    var message: [UInt8]?
    var payload: [UInt8] = []

    init(_ settings: RouteSettings) {
        reader = MessageAssembler(
            from: .client, limits: FrameLimits(messageSize: 4096), checksText: true)
    }
}

/// What is kept of a stream that a token let in: by whose rules it is here, and until when.
final class LiveHold {
    let request: LiveRequest
    var generation: Generation
    var expiry: ExpirySchedule
    /// When it ends because the rules do not let it stay.
    var leaving: Instant?
    /// A new token that waits for keys: from whom it came, and until when it is waited for.
    var pending: (order: TokenRenewal, wait: KeyWait)?
    var hasEnded = false

    init(_ request: LiveRequest, _ generation: Generation, _ expiry: ExpirySchedule) {
        self.request = request
        self.generation = generation
        self.expiry = expiry
    }

    func nextDue(_ house: House) -> Instant? {
        let next = expiry.delay(from: house.wall).map { house.now + $0 }
        return [next, pending?.wait.deadline, leaving].compactMap(\.self).min()
    }
}

/// A new token for a live stream.
struct TokenRenewal {
    let session: SessionID
    let token: String
    /// The client's connection whose request brought it; nil for the stream's own.
    let asker: UInt64?
    /// Until when it may wait for keys; nil as long as it does not.
    var deadline: Instant?
}
