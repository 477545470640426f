import Bytes

/// How apps read the names of fields. CGI and its heirs (WSGI, Rack, PHP, servlets behind AJP) make
/// variables of them (RFC 3875 §4.1.18): `X-Auth-User`, `X_Auth_User` and `X.Auth.User` are one
/// `HTTP_X_AUTH_USER` there, so that the gateway has to vouch for all spellings of a name that it
/// vouches for.
extension Span where Element == UInt8 {
    /// True when apps may read both names as one: letters compared without case, and every octet
    /// that is neither letter nor digit taken for `-`.
    package func readsAs(_ name: Span<UInt8>) -> Bool {
        guard count == name.count else { return false }
        return beginsLike(name)
    }

    package func readsAs(_ name: String) -> Bool { readsAs(name.utf8.span) }

    /// True when apps may read the beginning as `prefix`.
    package func readsAs(prefix: String) -> Bool {
        let prefix = prefix.utf8.span
        return count > prefix.count && beginsLike(prefix)
    }

    /// True for a name that nobody reads otherwise: letters, digits and `-`.
    package var isUnmistakable: Bool {
        for index in indices
        where self[index] != UInt8(ascii: "-")
            && FieldName.folded(self[index]) == UInt8(ascii: "-")
        {
            return false
        }
        return true
    }

    private func beginsLike(_ prefix: Span<UInt8>) -> Bool {
        for index in prefix.indices
        where FieldName.folded(self[index]) != FieldName.folded(prefix[index]) {
            return false
        }
        return true
    }
}

/// Names of fields as CGI folds them.
package enum FieldName {
    /// What an octet of a name counts as.
    package static func folded(_ octet: UInt8) -> UInt8 {
        ASCII.isAlpha(octet) || ASCII.isDigit(octet)
            ? ASCII.lowercased(octet) : UInt8(ascii: "-")
    }
}
