package import Clock
package import Endings
package import HTTP
import JWT
package import Settings

/// The authentication of a route: its `jwt` blocks, any one of which lets a request in.
package struct TokenGate: Sendable {
    private let rules: [Authenticator]
    private let allowsAnonymous: Bool
    private let acceptsTickets: Bool

    /// What the gate has to know besides the request.
    package struct Circumstances: Sendable {
        /// For the dates of tokens, and for the age of tickets.
        package var date: WallTime
        package var now: Instant
        package var revocations: RevocationList
        /// Where tickets are redeemed; nil for a gateway that has none.
        package var tickets: TicketBook?
        /// Where the client comes from; nil when it has no address.
        package var address: ClientAddress?

        package init(
            date: WallTime, now: Instant, revocations: RevocationList = RevocationList(),
            tickets: TicketBook? = nil, address: ClientAddress? = nil
        ) {
            self.date = date
            self.now = now
            self.revocations = revocations
            self.tickets = tickets
            self.address = address
        }
    }

    /// - Parameters:
    ///   - allowsAnonymous: who brings nothing passes without an identity (`auth … optional`).
    ///   - acceptsTickets: false where tickets are handed out: a ticket that could be changed for
    ///     another one would be good for more than once.
    package init(
        rules: [Authenticator], allowsAnonymous: Bool = false, acceptsTickets: Bool = true
    ) {
        self.rules = rules
        self.allowsAnonymous = allowsAnonymous
        self.acceptsTickets = acceptsTickets
    }

    /// A request that was let in.
    package struct Pass: Sendable {
        package let identity: VerifiedIdentity
        /// Where the token was; nil for a ticket.
        package let place: TokenSettings.Place?
    }

    /// What the first rule that is satisfied says; nil for a request without token and ticket where
    /// that may pass. Each rule takes the token from its own places. A ticket counts where no rule
    /// found a token.
    ///
    /// - Parameter cache: the memory of the worker.
    package func authenticate(
        _ fields: Fields, query: QueryString, message: FirstMessage? = nil,
        _ circumstances: Circumstances, cache: inout VerifiedTokenCache
    ) throws(GateFailure) -> Pass? {
        var attempts = Attempts()
        for (index, rule) in rules.enumerated() {
            do throws(TokenError) {
                guard
                    let found =
                        try rule.finder.find(in: fields, query: query, message: message)
                else { continue }
                let identity = try cache.authenticate(
                    found.token.octets.span, by: rule, now: circumstances.date)
                if !circumstances.isRevoked(identity) {
                    return Pass(identity: identity, place: found.place)
                }
                attempts.note(.revoked)
            } catch {
                attempts.note(error, of: index)
            }
        }
        if let failure = attempts.failure { throw failure }
        return try redeemTicket(query, circumstances, cache: &cache).map {
            Pass(identity: $0, place: nil)
        }
    }

    /// A handshake says nothing of who makes it, and the first message of the socket may.
    package func asksFirstMessage(_ fields: Fields, query: QueryString) -> Bool {
        guard rules.contains(where: \.finder.readsMessages) else { return false }
        if acceptsTickets, rules.contains(where: { $0.tickets != .off }),
            query.first(TokenSettings.ticketParameter)?.isEmpty == false
        {
            return false
        }
        return rules.allSatisfy { rule in
            do throws(TokenError) {
                return try rule.finder.find(in: fields, query: query) == nil
            } catch {
                return false
            }
        }
    }

    /// What the first rule that is satisfied says of a token that came by itself, to take the place
    /// of the one a live connection was let in with.
    package func authenticate(
        token: Span<UInt8>, _ circumstances: Circumstances, cache: inout VerifiedTokenCache
    ) throws(GateFailure) -> VerifiedIdentity {
        var attempts = Attempts()
        for (index, rule) in rules.enumerated() {
            do throws(TokenError) {
                let identity = try cache.authenticate(token, by: rule, now: circumstances.date)
                if !circumstances.isRevoked(identity) { return identity }
                attempts.note(.revoked)
            } catch {
                attempts.note(error, of: index)
            }
        }
        throw attempts.failure ?? GateFailure(.token(.missing))
    }

    /// Judges the identity of a client that another gate let in, such as that of an older
    /// configuration (`Authenticator.reread`).
    ///
    /// Throws `forbidden`, with the word for what is not accepted any more: `jwt` when no block of
    /// this gate goes by the name of the one that verified the token.
    package func reread(_ identity: VerifiedIdentity) throws(Refusal) -> VerifiedIdentity {
        guard let rule = rule(of: identity) else {
            throw Refusal(
                .forbidden, detail: "jwt", message: "Tokens of this kind are no longer accepted")
        }
        do throws(TokenError) {
            return try rule.reread(identity)
        } catch {
            throw Refusal(.forbidden, detail: error.rawValue, message: error.message)
        }
    }

    /// The block that verified an identity.
    func rule(of identity: VerifiedIdentity) -> Authenticator? {
        rules.first { $0.name.isSpelled(identity.rule) }
    }

    /// The ticket in the query, if there is one that counts; or nobody, where that may pass.
    private func redeemTicket(
        _ query: QueryString, _ circumstances: Circumstances, cache: inout VerifiedTokenCache
    ) throws(GateFailure) -> VerifiedIdentity? {
        let accepting = rules.filter { $0.tickets != .off }
        guard acceptsTickets, !accepting.isEmpty, let book = circumstances.tickets,
            let ticket = query.first(TokenSettings.ticketParameter), !ticket.isEmpty
        else {
            if allowsAnonymous { return nil }
            throw GateFailure(.token(.missing))
        }
        let redeemed = book.redeem(
            ticket, rules: accepting.map(\.name), address: circumstances.address,
            now: circumstances.now)
        // By the rules and keys of now, which may not be those that it was issued by.
        guard let redeemed,
            let rule = accepting.first(where: { $0.name.isSpelled(redeemed.rule) }),
            let identity = try? cache.authenticate(
                redeemed.token.octets.span, by: rule, now: circumstances.date)
        else { throw GateFailure(.ticket) }
        if circumstances.isRevoked(identity) { throw GateFailure(.revoked) }
        return identity
    }
}

extension TokenGate.Circumstances {
    fileprivate func isRevoked(_ identity: VerifiedIdentity) -> Bool {
        revocations.isRevoked(identity, now: date)
    }
}

/// What became of the tokens that were found, while there may be a better one.
private struct Attempts {
    private var reason: GateFailure.Reason?
    private var unknownKeyRules: [Int] = []

    /// Nil while no token was found.
    var failure: GateFailure? {
        reason.map { GateFailure($0, unknownKeyRules: unknownKeyRules) }
    }

    mutating func note(_ error: TokenError, of rule: Int) {
        if error == .unknownKey { unknownKeyRules.append(rule) }
        note(.token(error))
    }

    mutating func note(_ other: GateFailure.Reason) {
        guard let reason, reason.progress >= other.progress else {
            self.reason = other
            return
        }
    }
}

extension GateFailure.Reason {
    fileprivate var progress: Int {
        switch self {
        case .token(let error): error.progress
        case .revoked, .ticket: .max
        }
    }
}
