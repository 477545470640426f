import Bytes
import Clock
import Crypto
import Settings

/// The SHA-256 of a ticket.
typealias TicketDigest = TokenFingerprint

extension TicketDigest {
    /// Octets of a ticket.
    static let ticketLength = 32

    init(ofTicket secret: [UInt8]) throws(CryptoError) { try self.init(of: secret.span, salt: []) }

    /// Nil for a text that cannot be a ticket.
    init?(ofTicket text: String) {
        guard text.utf8.count <= Self.ticketLength * 2,
            let secret = Base64.decodeURL(text.utf8.span), secret.count == Self.ticketLength
        else { return nil }
        do {
            try self.init(ofTicket: secret)
        } catch {
            return nil
        }
    }
}

/// What a `TicketBook` holds under its lock. Tickets are kept in the order they were issued; as all
/// live equally long, the old ones are at the front, and sweeping looks at no other.
struct TicketPages: Sendable {
    struct Entry: Sendable {
        var identity: VerifiedIdentity
        /// Which the ticket stands for.
        var token: Secret
        /// Good only for clients with the same `neighbourhood`.
        var isBound: Bool
        /// Where it was asked for; nil for a client without an address.
        var neighbourhood: UInt64?
        var end: Instant
    }

    /// Who asked for tickets: a user of a block, or, where tokens name no user, the token's claims.
    private struct Holder: Hashable {
        var rule: ExactText
        var user: ExactText?
        var claims: String?

        init(_ identity: VerifiedIdentity) {
            rule = ExactText(identity.rule)
            user = identity.user.map(ExactText.init)
            claims = identity.user == nil ? identity.encodedClaims : nil
        }
    }

    private let limit: Int
    private let userLimit: Int
    private var entries: [TicketDigest: Entry] = [:]
    /// The tickets as they were issued, from `swept` on; some are redeemed by now.
    private var order: [TicketDigest] = []
    private var swept = 0
    private var held: [Holder: Int] = [:]

    init(limit: Int, userLimit: Int) {
        self.limit = limit
        self.userLimit = userLimit
    }

    var count: Int { entries.count }

    mutating func insert(
        _ entry: Entry, _ digest: TicketDigest, now: Instant
    ) throws(TicketBook.IssueError) {
        sweep(now: now, atMost: Self.sweptAtOnce)
        let holder = Holder(entry.identity)
        if held[holder, default: 0] >= userLimit || entries.count >= limit {
            sweep(now: now, atMost: .max)
        }
        if held[holder, default: 0] >= userLimit { throw .tooManyOfUser }
        if entries.count >= limit { throw .tooMany }
        entries[digest] = entry
        order.append(digest)
        held[holder, default: 0] += 1
    }

    /// The ticket, which is spent with that; nil when there is none or it is too old.
    mutating func remove(_ digest: TicketDigest, now: Instant) -> Entry? {
        sweep(now: now, atMost: Self.sweptAtOnce)
        guard let entry = take(digest), now < entry.end else { return nil }
        return entry
    }

    private mutating func sweep(now: Instant, atMost limit: Int) {
        var left = limit
        while swept < order.count, left > 0 {
            if let entry = entries[order[swept]] {
                if now < entry.end { break }
                _ = take(order[swept])
            }
            swept += 1
            left -= 1
        }
        // Every ticket pays for being moved once: the order is twice as long as what it holds.
        if order.count > 2 * entries.count + Self.slack {
            order = order[swept...].filter { entries[$0] != nil }
            swept = 0
        }
    }

    /// More than are issued in one step, so that the old ones never pile up.
    private static let sweptAtOnce = 64
    private static let slack = 64

    private mutating func take(_ digest: TicketDigest) -> Entry? {
        guard let entry = entries.removeValue(forKey: digest) else { return nil }
        let holder = Holder(entry.identity)
        let left = held[holder, default: 1] - 1
        held[holder] = left == 0 ? nil : left
        return entry
    }
}
