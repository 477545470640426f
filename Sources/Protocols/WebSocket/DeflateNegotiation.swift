/// What the two ends of permessage-deflate settled on (RFC 7692 §7.1).
package struct DeflateAgreement: Sendable, Equatable {
    /// 8 to 15: the largest window the server's deflater uses; 9 to 15 when we are the server.
    package var serverWindowBits: Int
    /// 8 to 15: the largest window the client's deflater uses, 15 where nothing limits it; 9 to 15
    /// when we are the client.
    ///
    /// An inflater needs this window, but never less than 9 bits: zlib's deflate takes 9 where it
    /// is asked for 8.
    package var clientWindowBits: Int
    /// The server's messages may refer to those before them: its deflater and the client's
    /// inflater keep their windows.
    package var serverKeepsContext = false
    /// The client's messages may refer to those before them.
    package var clientKeepsContext = false
    /// The value of `Sec-WebSocket-Extensions` in the response.
    package var headerValue: String
}

/// Answers offers of permessage-deflate (RFC 7692 §5.1, §7.1).
package enum DeflateNegotiation {
    package static let name = DeflateParameters.name

    package struct Policy: Sendable, Equatable {
        /// 9 to 15. zlib cannot deflate with a raw window of 8 bits: it would use 9.
        package var serverWindowBits: Int
        /// 9 to 15; below 15 a client that allows it is told so. One whose deflate is zlib's could
        /// not go below 9.
        package var clientWindowBits: Int
        /// Windows are kept from message to message wherever the client does not ask for less.
        package var keepsContext: Bool

        package init(
            serverWindowBits: Int = 15, clientWindowBits: Int = 15, keepsContext: Bool = false
        ) {
            precondition((9...15).contains(serverWindowBits), "server window of 9 to 15 bits")
            precondition((9...15).contains(clientWindowBits), "client window of 9 to 15 bits")
            self.serverWindowBits = serverWindowBits
            self.clientWindowBits = clientWindowBits
            self.keepsContext = keepsContext
        }
    }

    /// Accepts the first offer that can be kept; nil when there is none. Other extensions are
    /// passed over, which declines them.
    package static func answer(
        _ offers: ExtensionList, policy: Policy = Policy()
    ) -> DeflateAgreement? {
        for element in offers.elements where element.name == name {
            guard let offer = DeflateParameters(element.parameters, of: .offer) else { continue }
            if let agreement = answer(offer, policy) { return agreement }
        }
        return nil
    }

    private static func answer(
        _ offer: DeflateParameters, _ policy: Policy
    ) -> DeflateAgreement? {
        let server = min(policy.serverWindowBits, offer.serverWindowBits ?? 15)
        guard server >= 9 else { return nil }
        var answer = DeflateParameters()
        // Both may be answered unasked. Asked, the server's must be confirmed (§7.1.1.1); the
        // client's is its word that it will not, and confirming frees us of its window (§7.1.1.2).
        answer.serverNoContextTakeover = offer.serverNoContextTakeover || !policy.keepsContext
        answer.clientNoContextTakeover = offer.clientNoContextTakeover || !policy.keepsContext
        // An offered limit must be confirmed (§7.1.2.1); without one the client expects 15 and
        // reads less all the same.
        if offer.serverWindowBits != nil { answer.serverWindowBits = server }
        var client = 15
        if let offered = offer.clientWindowBits {
            // Only who offered the parameter may get it (§7.1.2.2).
            client = min(policy.clientWindowBits, offered)
            // A smaller window of the client's own choice is of use only where it is kept.
            let isLimit = policy.clientWindowBits < 15 || (policy.keepsContext && client < 15)
            if isLimit { answer.clientWindowBits = client }
        }
        return DeflateAgreement(
            serverWindowBits: server, clientWindowBits: client,
            serverKeepsContext: !answer.serverNoContextTakeover,
            clientKeepsContext: !answer.clientNoContextTakeover, headerValue: answer.headerValue)
    }
}
