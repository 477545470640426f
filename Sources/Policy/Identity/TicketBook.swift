import Bytes
package import Clock
package import Crypto
package import Endings
import Locks
package import Settings

/// One-time tickets that stand for tokens in URLs, where a token itself would end up in logs.
/// Shared by the workers.
///
/// A ticket is 256 random bits; the book knows only their SHA-256. It is redeemed exactly once,
/// also when two workers are asked at the same time, within `TokenSettings.ticketLifetime`.
package final class TicketBook: Sendable {
    /// Tickets that may be out at once, and those of one user.
    package static let standardLimit = 100_000
    package static let standardUserLimit = 64
    /// Octets that tickets may take, the tokens they stand for among them.
    package static let standardOctetLimit = 64 * 1024 * 1024

    /// Why no ticket was given.
    package enum IssueError: Error, Sendable, Hashable {
        /// This user has too many that are not redeemed.
        case tooManyOfUser
        /// There are too many in all.
        case tooMany
        /// The system gave no random numbers.
        case random(CryptoError)
    }

    private let pages: Guarded<TicketPages>

    package init(
        limit: Int = standardLimit, userLimit: Int = standardUserLimit,
        octetLimit: Int = standardOctetLimit
    ) {
        pages = Guarded(
            TicketPages(limit: limit, userLimit: userLimit, octetLimit: octetLimit))
    }

    /// A ticket for `token`, in base64url (43 characters). It is good for the `jwt` block that
    /// verified the token.
    ///
    /// - Parameters:
    ///   - identity: what the token says.
    ///   - address: of the client that asks; nil when it has none.
    ///   - isBound: good only for clients near that address (IPv4: /24, IPv6: /64).
    package func issue(
        _ token: Secret, of identity: VerifiedIdentity, to address: ClientAddress?, isBound: Bool,
        now: Instant
    ) throws(IssueError) -> String {
        let secret: [UInt8]
        let digest: TicketDigest
        let holder: TicketPages.Holder
        do throws(CryptoError) {
            secret = try Random.octets(TicketDigest.ticketLength)
            digest = try TicketDigest(ofTicket: secret)
            holder = try TicketPages.Holder(identity)
        } catch {
            throw .random(error)
        }
        let entry = TicketPages.Entry(
            token: token, rule: identity.rule, holder: holder, isBound: isBound,
            neighbourhood: address?.neighbourhood,
            end: now + TokenSettings.ticketLifetime)
        try pages.withLock { pages throws(IssueError) in
            try pages.insert(entry, digest, now: now)
        }
        let text = Base64.encodeURL(secret.span)
        return text.text(text.indices)
    }

    /// The token that `ticket` stands for and the `jwt` block that verified it, if that is one of
    /// these `rules`, and the ticket was issued to a neighbour of `address` where it is bound and
    /// is neither redeemed nor too old; nil otherwise. The ticket is spent with that, whatever the
    /// answer: a client that shows it in the wrong place may have stolen it.
    ///
    /// What the token said when the ticket was issued may be true no more: the caller has it
    /// verified as if it had come itself.
    package func redeem(
        _ ticket: String, rules: [String], address: ClientAddress?, now: Instant
    ) -> (token: Secret, rule: String)? {
        guard let digest = TicketDigest(ofTicket: ticket),
            let entry = pages.withLock({ $0.remove(digest, now: now) }),
            rules.contains(where: { $0.isSpelled(entry.rule) })
        else { return nil }
        if entry.isBound, entry.neighbourhood != address?.neighbourhood { return nil }
        return (entry.token, entry.rule)
    }

    /// Octets that those tickets take.
    package var octets: Int { pages.withLock { $0.octets } }

    /// Tickets that are out, some of them perhaps too old.
    package var count: Int { pages.withLock { $0.count } }
}

extension TicketBook.IssueError {
    /// How the request for a ticket ends.
    package var refusal: Refusal {
        switch self {
        case .tooManyOfUser:
            Refusal(
                .rateLimited, detail: "tickets", message: "Too many tickets are not redeemed yet",
                retryAfterSeconds: Int(TokenSettings.ticketLifetime.components.seconds))
        case .tooMany:
            Refusal(
                .overloaded, detail: "tickets", message: "Too many tickets are not redeemed yet",
                retryAfterSeconds: Int(TokenSettings.ticketLifetime.components.seconds))
        case .random: Refusal(.internalError, message: "No ticket could be made")
        }
    }
}
