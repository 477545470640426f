import Bytes
import Forwarding

extension ValueKind where Value == SocketAddressSettings {
    /// Where to listen; port 0 means any free one, `*` every address.
    static let listening = ValueKind { word, reading in
        SocketAddressSettings.read(word, mayBeAny: true, &reading)
    }

    /// Where to connect.
    static let connecting = ValueKind { word, reading in
        SocketAddressSettings.read(word, mayBeAny: false, &reading)
    }
}

extension SocketAddressSettings {
    /// `0.0.0.0:8443 [::1]:8443 *:8443 localhost:8443 unix:/run/app.sock`.
    fileprivate static func read(
        _ word: Word, mayBeAny: Bool, _ reading: inout Reading
    ) -> SocketAddressSettings? {
        if word.text.hasPrefix("unix:") { return readPath(word, &reading) }
        if let mistake = looksLikeURL(word, mayBeAny: mayBeAny) {
            reading.error(mistake, at: word)
            return nil
        }
        let text = word.text
        guard let colon = text.lastIndex(of: ":"), !isBare(text) else {
            reading.error(withoutPort(word, mayBeAny: mayBeAny), at: word)
            return nil
        }
        let digits = text[text.index(after: colon)...]
        let isNumber = !digits.isEmpty && digits.utf8.allSatisfy(ASCII.isDigit)
        guard isNumber, let port = UInt16(digits), mayBeAny || port > 0 else {
            let least = mayBeAny ? 0 : 1
            let offset = text.distance(from: text.startIndex, to: colon) + 1
            reading.error(
                "expected a port from \(least) to 65535, not '\(String(digits).printable())'",
                at: word, offset: offset, length: max(1, digits.count))
            return nil
        }
        var host = String(text[..<colon])
        if host == "*" && mayBeAny { return .ip(address: "::", port: port) }
        if host.isEmpty {
            let meant = mayBeAny ? "*:\(port) for every address" : "127.0.0.1:\(port)"
            reading.error("\(word.shown) has no address: write \(meant)", at: word)
            return nil
        }
        if host == "localhost" { return .ip(address: "127.0.0.1", port: port) }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        guard let address = NumericAddress(host), address.isIPv4 != isBracketed else {
            reading.error(notNumeric(host, isBracketed), at: word)
            return nil
        }
        return .ip(address: host.lowercased(), port: port)
    }

    /// An address is no URL: what to write for `http://127.0.0.1:8000/` and `127.0.0.1:8000/app`.
    private static func looksLikeURL(_ word: Word, mayBeAny: Bool) -> String? {
        let parts = word.text.split(
            separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        let scheme = parts.count == 2 ? parts[0].lowercased() : nil
        let rest = parts.count == 2 ? parts[1] : word.text[...]
        let authority = String(rest.prefix { $0 != "/" && $0 != "?" })
        let hasPath = authority.count < rest.count
        guard scheme != nil || hasPath else { return nil }
        guard !authority.isEmpty else { return "expected ADDRESS:PORT, not \(word.shown)" }
        let isSecure = scheme == "https" || scheme == "wss"
        let port = isSecure ? 443 : 80
        let hasPort =
            authority.last != "]" && authority.contains(":")
            && NumericAddress(authority) == nil
        let address = hasPort ? authority.printable() : "\(authority.printable()):\(port)"
        var message = "an address has no \(scheme == nil ? "path" : "scheme"): write \(address)"
        if isSecure {
            message +=
                mayBeAny
                ? " and 'tls' in its block" : "; servers are reached without TLS"
        } else if hasPath, rest.dropFirst(authority.count) != "/", !mayBeAny {
            message += ", and the path as a 'rewrite'"
        }
        return message
    }

    /// `8443`, `127.0.0.1` and `::1`: something without a port.
    private static func isBare(_ text: String) -> Bool {
        NumericAddress(text) != nil || text.hasPrefix("[") && text.hasSuffix("]")
    }

    private static func withoutPort(_ word: Word, mayBeAny: Bool) -> String {
        let expected = "expected ADDRESS:PORT, [IPV6]:PORT or unix:PATH, not \(word.shown)"
        if UInt16(word.text) != nil {
            let host = mayBeAny ? "*" : "127.0.0.1"
            return expected + " (did you mean '\(host):\(word.text)'?)"
        }
        guard let address = NumericAddress(word.text) else { return expected }
        // `::1:80` is a whole address, so there is no telling where its port begins.
        return address.isIPv4
            ? expected + " (did you mean '\(word.text):\(mayBeAny ? 8443 : 8000)'?)"
            : "an IPv6 address needs brackets: [ADDRESS]:PORT"
    }

    private static func notNumeric(_ host: String, _ isBracketed: Bool) -> String {
        let shown = "'\(host.printable())'"
        if NumericAddress(host) != nil {
            return isBracketed
                ? "brackets are only for IPv6 addresses" : "write the IPv6 address as [\(host)]"
        }
        let isName = host.utf8.allSatisfy(\.isNamePart) && host.contains(where: \.isLetter)
        return isName && !isBracketed
            ? "host names cannot be used here: write the numeric address of \(shown)"
            : "\(shown) is not an IPv4 or IPv6 address"
    }

    private static func readPath(_ word: Word, _ reading: inout Reading) -> SocketAddressSettings? {
        let name = String(word.text.dropFirst(5))
        let path = reading.resolve(name, from: word)
        if name.isEmpty || name.contains("\0") {
            reading.error("expected a path after 'unix:'", at: word)
            return nil
        }
        if path.utf8.count > longestPath {
            reading.error(
                "the path of a socket has at most \(longestPath) octets, this one has"
                    + " \(path.utf8.count)", at: word)
            return nil
        }
        return .unix(path: path)
    }

    /// `sun_path` of `sockaddr_un` holds 108, the last of them NUL (unix(7)).
    private static let longestPath = 107

    /// Reachable from this machine only.
    var isLocal: Bool {
        switch self {
        case .unix: true
        case .ip(let address, _): NumericAddress(address)?.isLoopback ?? false
        }
    }
}

extension ValueKind where Value == AddressRange {
    /// `10.0.0.0/8`, `2001:db8::/32`, or one address.
    static let range = ValueKind { word, reading in
        let parts = word.text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = NumericAddress(String(parts[0])) else {
            reading.error("expected a network such as 10.0.0.0/8, not \(word.shown)", at: word)
            return nil
        }
        let most = address.isIPv4 ? 32 : 128
        var length = most
        if parts.count == 2 {
            let isNumber = !parts[1].isEmpty && parts[1].utf8.allSatisfy(ASCII.isDigit)
            guard isNumber, let number = Int(parts[1]), number <= most else {
                reading.error("expected a prefix length from 0 to \(most) after '/'", at: word)
                return nil
            }
            length = number
        }
        let range = AddressRange(
            octets: address.octets, prefixLength: length + (address.isIPv4 ? 96 : 0))
        guard range.hostBitsAreZero else {
            reading.error(
                "\(word.shown) has bits set after its prefix of \(length) (write the network's own"
                    + " address)", at: word)
            return nil
        }
        return range
    }
}

extension AddressRange {
    fileprivate var hostBitsAreZero: Bool {
        octets.enumerated().allSatisfy { index, octet in
            let kept = min(8, max(0, prefixLength - index * 8))
            return octet & UInt8(truncatingIfNeeded: 0xFF >> kept) == 0
        }
    }
}
