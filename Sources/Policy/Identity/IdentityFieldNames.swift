import Bytes
package import Settings

/// The names of the fields that carry an identity to upstreams, of all `jwt` blocks together: such
/// a field from a client is a forgery and always deleted.
package struct IdentityFieldNames: Sendable {
    /// Lower case, `-` for `_`, without duplicates.
    private let names: [[UInt8]]

    package init(_ rules: [TokenSettings]) {
        let all = rules.flatMap { [$0.userHeader, $0.roleHeader, $0.claimsHeader] }
        names = Set(all.map { $0.utf8.map(Self.folded) }).sorted {
            $0.lexicographicallyPrecedes($1)
        }
    }

    /// True for a name of these. CGI and its heirs (WSGI, Django, PHP) read `X_Auth_User` as
    /// `X-Auth-User`, so that `_` counts as `-`.
    package func contains(_ name: Span<UInt8>) -> Bool {
        names.contains { candidate in
            guard candidate.count == name.count else { return false }
            for index in name.indices where Self.folded(name[index]) != candidate[index] {
                return false
            }
            return true
        }
    }

    private static func folded(_ octet: UInt8) -> UInt8 {
        octet == UInt8(ascii: "_") ? UInt8(ascii: "-") : ASCII.lowercased(octet)
    }
}
