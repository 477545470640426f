/// What the server side of permessage-deflate settled on (RFC 7692 §7.1). Neither side keeps its
/// window from one message to the next.
package struct DeflateAgreement: Sendable, Equatable {
    /// 9 to 15: the largest window our deflater may use.
    package var serverWindowBits: Int
    /// 8 to 15: the largest window the client says it uses. An inflater of 15 reads them all.
    package var clientWindowBits: Int
    /// The value of `Sec-WebSocket-Extensions` in the response.
    package var headerValue: String
}

/// Answers offers of permessage-deflate (RFC 7692 §5.1, §7.1).
package enum DeflateNegotiation {
    package static let name = "permessage-deflate"

    package struct Policy: Sendable, Equatable {
        /// 9 to 15. zlib cannot deflate with a raw window of 8 bits: it would use 9.
        package var serverWindowBits: Int
        /// 8 to 15; below 15 a client that allows it is told so.
        package var clientWindowBits: Int

        package init(serverWindowBits: Int = 15, clientWindowBits: Int = 15) {
            precondition((9...15).contains(serverWindowBits), "server window of 9 to 15 bits")
            precondition((8...15).contains(clientWindowBits), "client window of 8 to 15 bits")
            self.serverWindowBits = serverWindowBits
            self.clientWindowBits = clientWindowBits
        }
    }

    /// Accepts the first offer that can be kept; nil when there is none. Other extensions are
    /// passed over, which declines them.
    package static func answer(
        _ offers: ExtensionList, policy: Policy = Policy()
    ) -> DeflateAgreement? {
        for element in offers.elements where element.name == name {
            guard let offer = Offer(element.parameters) else { continue }
            if let agreement = answer(offer, policy) { return agreement }
        }
        return nil
    }

    private static func answer(_ offer: Offer, _ policy: Policy) -> DeflateAgreement? {
        let server = min(policy.serverWindowBits, offer.serverWindowBits ?? 15)
        guard server >= 9 else { return nil }
        var header = "\(name); server_no_context_takeover; client_no_context_takeover"
        // An offered limit must be confirmed (§7.1.2.1); without one the client expects 15 and
        // reads less all the same.
        if offer.serverWindowBits != nil { header += "; server_max_window_bits=\(server)" }
        var client = 15
        if let offered = offer.clientWindowBits {
            // Only who offered the parameter may get it (§7.1.2.2).
            client = min(policy.clientWindowBits, offered)
            if policy.clientWindowBits < 15 { header += "; client_max_window_bits=\(client)" }
        }
        return DeflateAgreement(
            serverWindowBits: server, clientWindowBits: client, headerValue: header)
    }

    /// The parameters of one legal offer.
    private struct Offer {
        var serverNoContextTakeover = false
        var clientNoContextTakeover = false
        var serverWindowBits: Int?
        /// 15 when the client named no value.
        var clientWindowBits: Int?

        /// Nil for an unknown or repeated parameter and for an illegal value: such an offer must
        /// be declined (§7.1).
        init?(_ parameters: [ExtensionList.Parameter]) {
            for parameter in parameters {
                switch parameter.name {
                case "server_no_context_takeover":
                    guard !serverNoContextTakeover, parameter.value == nil else { return nil }
                    serverNoContextTakeover = true
                case "client_no_context_takeover":
                    guard !clientNoContextTakeover, parameter.value == nil else { return nil }
                    clientNoContextTakeover = true
                case "server_max_window_bits":
                    guard serverWindowBits == nil, let bits = Self.bits(parameter.value) else {
                        return nil
                    }
                    serverWindowBits = bits
                case "client_max_window_bits":
                    guard clientWindowBits == nil, let bits = Self.bits(parameter.value ?? "15")
                    else { return nil }
                    clientWindowBits = bits
                default: return nil
                }
            }
        }

        /// 8 to 15 in decimal, without leading zeros.
        private static func bits(_ text: String?) -> Int? {
            switch text {
            case "8": 8
            case "9": 9
            case "10": 10
            case "11": 11
            case "12": 12
            case "13": 13
            case "14": 14
            case "15": 15
            default: nil
            }
        }
    }
}
