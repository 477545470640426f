import Bytes
package import HTTP

// NTLM and Negotiate (RFC 4559) prove who somebody is for a whole connection, against every idea of
// HTTP: what is sent on it afterwards counts as said by the same. Such a connection must not carry
// anybody else's requests.

extension ResponseHead {
    /// True when the connection is being authenticated, or was with this very response.
    package var authenticatesConnection: Bool {
        fields.names(.wwwAuthenticate) || fields.names(.proxyAuthenticate)
    }
}

extension Fields {
    /// True when a request with these fields authenticates the connection it is sent on, which is
    /// its client's alone then.
    package var bindConnection: Bool { names(.authorization) }

    /// True when a challenge, or credentials, in lines of `field` are of one of those schemes
    /// (RFC 9110 §11.6.1). A quoted parameter that looks like one counts, too: to be careful once
    /// too often costs no more than a connection.
    fileprivate func names(_ field: KnownField) -> Bool {
        guard contains(field) else { return false }
        var elements = ListElements(of: field, in: self)
        while let element = elements.next() {
            let text = bytes.span.extracting(element)
            let end = text.firstIndex(of: UInt8(ascii: " ")) ?? text.count
            let scheme = text.extracting(0..<end)
            if scheme.matchesIgnoringCase("ntlm") || scheme.matchesIgnoringCase("negotiate") {
                return true
            }
        }
        return false
    }
}
