/// The client's side of permessage-deflate, for connections to a server (RFC 7692 §5.1, §7.1).
package enum DeflateOffer {
    /// The value of `Sec-WebSocket-Extensions` in the request: no message refers to another, so
    /// that nothing is kept for the connection; the server may limit our window.
    package static let headerValue =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        + "; client_max_window_bits"

    /// Reads a server's answer to `headerValue`; nil when it declined. Throws when the connection
    /// must be failed (RFC 6455 §4.1, RFC 7692 §7.1). An answer may have the field only once
    /// (RFC 6455 §11.3.2); every further line is at least one extension more than was asked for.
    package static func read(_ answer: ExtensionList) throws(HandshakeError) -> DeflateAgreement? {
        for element in answer.elements where element.name != DeflateParameters.name {
            throw .unofferedExtension
        }
        guard answer.elements.count <= 1 else { throw .repeatedExtension }
        guard let element = answer.elements.first else { return nil }
        guard let accepted = DeflateParameters(element.parameters, of: .answer) else {
            throw .illegalDeflateAnswer
        }
        // Asked for, it must be confirmed (§7.1.1.1): the server would refer to messages of which
        // we keep nothing. That our own messages do not is our word, confirmed or not (§7.1.1.2).
        guard accepted.serverNoContextTakeover else { throw .unsupportedDeflateAnswer }
        let clientWindowBits = accepted.clientWindowBits ?? 15
        // zlib cannot deflate with a raw window of 8 bits.
        guard clientWindowBits >= 9 else { throw .unsupportedDeflateAnswer }
        return DeflateAgreement(
            serverWindowBits: accepted.serverWindowBits ?? 15, clientWindowBits: clientWindowBits,
            headerValue: accepted.headerValue)
    }

    /// True when a server may answer this to `offered`, a client's own offers that were passed on
    /// as `ExtensionList.onlyDeflate`: nothing, or permessage-deflate once and only if offered.
    /// What its parameters say is between the two ends.
    package static func isAcceptable(_ answer: ExtensionList, to offered: ExtensionList) -> Bool {
        guard answer.elements.count <= 1 else { return false }
        guard let element = answer.elements.first else { return true }
        return element.name == DeflateParameters.name && offered.onlyDeflate != nil
    }
}

extension ExtensionList {
    /// The offers of permessage-deflate alone, in order, as a value of the field; nil when there
    /// are none. For relays that pass frames on as they are: of no other extension they know what
    /// it does to frames.
    package var onlyDeflate: String? {
        let offers = elements.filter { $0.name == DeflateParameters.name }
        return offers.isEmpty ? nil : offers.map(\.headerValue).joined(separator: ", ")
    }
}

extension ExtensionList.Element {
    /// The element as it goes on the wire; the values are tokens and need no quotes.
    fileprivate var headerValue: String {
        parameters.reduce(into: name) { value, parameter in
            value += "; " + parameter.name
            if let text = parameter.value { value += "=" + text }
        }
    }
}
