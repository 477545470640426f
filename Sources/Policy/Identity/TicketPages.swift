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
        /// Which the ticket stands for.
        var token: Secret
        /// The `jwt` block that verified it.
        var rule: String
        var holder: Holder
        /// Good only for clients with the same `neighbourhood`.
        var isBound: Bool
        /// Where it was asked for; nil for a client without an address.
        var neighbourhood: UInt64?
        var end: Instant
    }

    /// The holder of tickets: a user of a block, or, where tokens name no user, the claims of the
    /// token. Either may be of any length, so that a digest of it is kept.
    struct Holder: Hashable, Sendable {
        private let digest: TokenFingerprint

        init(_ identity: VerifiedIdentity) throws(CryptoError) {
            let kind: [UInt8] = identity.user == nil ? [0] : [1]
            let name = identity.user ?? identity.encodedClaims
            // A length in front of each, so that no two pairs read alike.
            let rule = Array(identity.rule.utf8)
            let salt = kind + Array("\(rule.count):".utf8) + rule
            digest = try TokenFingerprint(of: name.utf8.span, salt: salt)
        }
    }

    /// What a ticket takes besides its token: its entry, its places in the order and among those
    /// that are held.
    static let overhead = 512

    private let limit: Int
    private let userLimit: Int
    private let octetLimit: Int
    /// Octets that all entries take.
    private(set) var octets = 0
    private var entries: [TicketDigest: Entry] = [:]
    /// The tickets as they were issued, from `swept` on; some are redeemed by now.
    private var order: [TicketDigest] = []
    private var swept = 0
    private var held: [Holder: Int] = [:]

    init(limit: Int, userLimit: Int, octetLimit: Int) {
        self.limit = limit
        self.userLimit = userLimit
        self.octetLimit = octetLimit
    }

    var count: Int { entries.count }

    mutating func insert(
        _ entry: Entry, _ digest: TicketDigest, now: Instant
    ) throws(TicketBook.IssueError) {
        sweep(now: now, atMost: Self.sweptAtOnce)
        let holder = entry.holder
        if held[holder, default: 0] >= userLimit || isFull(for: entry) {
            sweep(now: now, atMost: .max)
        }
        if held[holder, default: 0] >= userLimit { throw .tooManyOfUser }
        if isFull(for: entry) { throw .tooMany }
        entries[digest] = entry
        order.append(digest)
        held[holder, default: 0] += 1
        octets += Self.cost(of: entry)
    }

    private func isFull(for entry: Entry) -> Bool {
        entries.count >= limit || octets + Self.cost(of: entry) > octetLimit
    }

    private static func cost(of entry: Entry) -> Int { entry.token.octets.count + overhead }

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
        let left = held[entry.holder, default: 1] - 1
        held[entry.holder] = left == 0 ? nil : left
        octets -= Self.cost(of: entry)
        return entry
    }
}
