import Bytes

/// Fields by which proxies tell servers what they cannot see themselves: whom a request comes from
/// and what it asked for. There is no end of them, and frameworks believe them without asking
/// (Spring, Symfony, ASP.NET, Django, Traefik's and IIS's), so that from who is not trusted they
/// are forgeries, in any spelling.
package enum ProxyClaims {
    /// Compared as apps read names; one that ends in `-` stands for all that begin with it.
    private static let names = [
        "cf-connecting-ip", "forwarded", "front-end-https", "true-client-ip", "x-client-ip",
        "x-cluster-client-ip", "x-forwarded", "x-forwarded-", "x-original-for",
        "x-original-forwarded-for", "x-original-host", "x-original-proto", "x-original-uri",
        "x-original-url", "x-real-ip", "x-remote-addr", "x-remote-ip", "x-rewrite-url",
        "x-scheme", "x-url-scheme",
    ]

    /// True when a field of this name is the claim of a proxy.
    package static func contains(_ name: Span<UInt8>) -> Bool {
        guard name.count > 5 else { return false }
        switch ASCII.lowercased(name[0]) {
        case UInt8(ascii: "c"), UInt8(ascii: "f"), UInt8(ascii: "t"), UInt8(ascii: "x"): break
        default: return false
        }
        return names.contains { claim in
            claim.utf8.last == UInt8(ascii: "-")
                ? name.readsAs(prefix: claim) : name.readsAs(claim)
        }
    }
}
