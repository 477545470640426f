import Bytes
package import HTTP

/// What a client offers in `Sec-WebSocket-Protocol` (RFC 6455 §11.3.4). A browser can put nothing
/// else into a handshake, so a token may be among the offers, as `jwt.<token>`.
package struct SubprotocolOffers: Sendable {
    /// In the client's order of preference, tokens included.
    private let offers: [String]
    private static let tokenPrefix = "jwt."

    package init(_ fields: Fields) {
        guard fields.contains(.secWebSocketProtocol) else {
            offers = []
            return
        }
        offers = fields.lines.filter { $0.known == .secWebSocketProtocol }.flatMap { line in
            fields.bytes[line.value].split(separator: UInt8(ascii: ","))
                .map { element in
                    let octets = Array(element)
                    return octets.text(octets.span.trimmingWhitespace(0..<octets.count))
                }
                .filter { !$0.isEmpty }
        }
    }

    /// True when the offers are tokens (RFC 9110 §5.6.2), each named once (RFC 6455 §4.1).
    package var isWellFormed: Bool {
        Set(offers).count == offers.count
            && offers.allSatisfy { $0.utf8.allSatisfy(ASCII.isToken) }
    }

    /// The first token among the offers, or nil.
    package var token: String? {
        offers.lazy.filter(Self.isToken).map { String($0.dropFirst(Self.tokenPrefix.count)) }
            .first { !$0.isEmpty }
    }

    /// The client reads what the gateway itself says (`ControlRequest`), whichever subprotocol it
    /// speaks with the upstream.
    package var offersControl: Bool { offers.contains(ControlRequest.subprotocol) }

    /// The field value for the upstream: the offers that are neither tokens nor the gateway's own;
    /// nil when none is left.
    package var withoutTokens: String? {
        Self.joined(offers.filter { !Self.isToken($0) && $0 != ControlRequest.subprotocol })
    }

    /// Where the gateway asks for no token, offers are the app's unless a token can be seen behind
    /// `jwt.`.
    var withoutVisibleTokens: String? {
        Self.joined(
            offers.filter { offer in
                let token = offer.utf8.dropFirst(Self.tokenPrefix.utf8.count)
                return !Self.isToken(offer) || !TokenForm.fits(Array(token).span)
            })
    }

    /// Where tokens are the app's to read.
    var withoutControl: String? { Self.joined(offers.filter { $0 != ControlRequest.subprotocol }) }

    private static func joined(_ offers: [String]) -> String? {
        offers.isEmpty ? nil : offers.joined(separator: ", ")
    }

    /// The subprotocol to answer with, because a browser that offered some and gets none back
    /// fails the connection, as it does when it gets another one: what the upstream chose, if that
    /// was offered; else the first offer that is no token; else, when tokens were all there was,
    /// the first of these. Nil when nothing was offered.
    package func answer(upstreamChoice: String?) -> String? {
        let choice = upstreamChoice.flatMap { offers.contains($0) ? $0 : nil }
        return choice ?? offers.first { !Self.isToken($0) } ?? offers.first
    }

    /// The subprotocol to answer with before the app is asked: the first that it speaks, as far as
    /// that is said; else as `answer` without a choice of the app's.
    ///
    /// - Parameter spoken: those that the app speaks, the best first; empty when it is not known.
    package func choice(among spoken: [String]) -> String? {
        if let choice = spoken.first(where: offers.contains) { return choice }
        return answer(
            upstreamChoice: offers.first { offer in
                !Self.isToken(offer) && offer != ControlRequest.subprotocol
            })
    }

    private static func isToken(_ offer: String) -> Bool {
        offer.utf8.starts(with: tokenPrefix.utf8)
    }
}
