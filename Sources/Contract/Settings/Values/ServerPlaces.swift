import Bytes
import Forwarding

extension ValueKind where Value == BackendSettings.Server.Place {
    /// `127.0.0.1:8000`, `unix:/run/app.sock`, `app.internal:8000`, `srv:_ws._tcp.app.internal`.
    static let serverPlace = ValueKind { word, reading in
        if word.text.hasPrefix(ServerName.servicePrefix) {
            return ServerName.readService(word, &reading).map { .name($0) }
        }
        if let host = ServerName.host(in: word.text) {
            return ServerName.read(host, word, &reading).map { .name($0) }
        }
        return ValueKind<SocketAddressSettings>.connecting.read(word, &reading)
            .map { .address($0) }
    }
}

extension ValueKind where Value == SocketAddressSettings {
    /// A name server: `10.0.0.53`, `[fd00::53]`, or with a port other than 53.
    static let nameServer = ValueKind { word, reading in
        var bare = word.text
        if bare.hasPrefix("["), bare.hasSuffix("]") { bare = String(bare.dropFirst().dropLast()) }
        if NumericAddress(bare) != nil { return .ip(address: bare.lowercased(), port: 53) }
        guard !word.text.hasPrefix("unix:") else {
            reading.error("a name server has an IP address, not a path", at: word)
            return nil
        }
        return connecting.read(word, &reading)
    }
}

extension ServerName {
    fileprivate static let servicePrefix = "srv:"
    /// Octets of a name, and of a part between two dots (RFC 1035 §2.3.4).
    private static let longestName = 253
    private static let longestLabel = 63

    /// What stands in front of the port, if that may be a host's name; nil for addresses, paths,
    /// `localhost` (which is 127.0.0.1), URLs and whatever else it is.
    fileprivate static func host(in text: String) -> Substring? {
        guard let colon = text.lastIndex(of: ":"), !text.contains("/"), !text.hasPrefix("unix:")
        else { return nil }
        let host = text[..<colon]
        guard host != "localhost", !host.isEmpty, host.utf8.allSatisfy(\.isNamePart),
            NumericAddress(String(host)) == nil, host.contains(where: \.isLetter)
        else { return nil }
        return host
    }

    fileprivate static func read(
        _ host: Substring, _ word: Word, _ reading: inout Reading
    ) -> ServerName? {
        guard let name = name(host, of: word, &reading) else { return nil }
        let digits = word.text[word.text.index(after: host.endIndex)...]
        let isNumber = !digits.isEmpty && digits.utf8.allSatisfy(ASCII.isDigit)
        guard isNumber, let port = UInt16(digits), port > 0 else {
            reading.error(
                "expected a port from 1 to 65535, not '\(String(digits).printable())'", at: word,
                offset: host.count + 1, length: max(1, digits.count))
            return nil
        }
        return .host(name, port: port)
    }

    /// `srv:_ws._tcp.app.internal`.
    fileprivate static func readService(_ word: Word, _ reading: inout Reading) -> ServerName? {
        let text = word.text.dropFirst(servicePrefix.count)
        if text.contains(":") {
            reading.error(
                "the records of a service say the ports: write srv:NAME without a port", at: word)
            return nil
        }
        return name(text, of: word, &reading).map { .service($0) }
    }

    /// The name in lower case, without the dot that may end it.
    private static func name(
        _ text: Substring, of word: Word, _ reading: inout Reading
    ) -> String? {
        let name = text.hasSuffix(".") ? text.dropLast() : text
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        let isGood =
            name.utf8.count <= longestName && name.utf8.allSatisfy(\.isNamePart)
            && labels.allSatisfy {
                !$0.isEmpty && $0.utf8.count <= longestLabel && !$0.hasPrefix("-")
                    && !$0.hasSuffix("-")
            }
        guard isGood, name.contains(where: \.isLetter) else {
            reading.error("'\(String(text).printable())' is not a host name", at: word)
            return nil
        }
        return text.lowercased()
    }
}
