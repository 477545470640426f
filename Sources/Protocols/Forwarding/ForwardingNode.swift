import Bytes

/// The client that made a request or passed it on, as a proxy names it (RFC 7239 §6):
///
///     node     = nodename [ ":" node-port ]
///     nodename = IPv4address / "[" IPv6address "]" / "unknown" / obfnode
///
/// `X-Forwarded-For` has the same elements, and IPv6 addresses without brackets.
package struct ForwardingNode: Sendable, Hashable {
    package enum Name: Sendable, Hashable {
        case address(NumericAddress)
        case unknown
        /// A name of the proxy's own, with its underscore (RFC 7239 §6.3).
        case obfuscated([UInt8])
    }

    package let name: Name
    /// Nil also for an obfuscated port.
    package let port: UInt16?

    package init(_ name: Name, port: UInt16? = nil) {
        self.name = name
        self.port = port
    }

    /// Nil for what is no node, ports beyond 65535 included.
    package init?(_ text: Span<UInt8>) {
        if let address = NumericAddress(text) {
            self.init(.address(address))
            return
        }
        guard let (name, end) = Self.readName(text) else { return nil }
        if end == text.count {
            self.init(name)
            return
        }
        guard text[end] == UInt8(ascii: ":") else { return nil }
        let port = text.extracting(end + 1..<text.count)
        if Self.isObfuscated(port) {
            self.init(name)
        } else if let number = Self.number(port) {
            self.init(name, port: number)
        } else {
            return nil
        }
    }

    /// The name at the beginning, and where it ends.
    private static func readName(_ text: Span<UInt8>) -> (Name, end: Int)? {
        guard !text.isEmpty else { return nil }
        if text[0] == UInt8(ascii: "[") {
            guard let bracket = text.firstIndex(of: UInt8(ascii: "]")),
                let address = NumericAddress(text.extracting(1..<bracket)), !address.isIPv4
            else { return nil }
            return (.address(address), bracket + 1)
        }
        let end = text.firstIndex(of: UInt8(ascii: ":")) ?? text.count
        let name = text.extracting(0..<end)
        if let address = NumericAddress(name) { return (.address(address), end) }
        if name.matchesIgnoringCase("unknown") { return (.unknown, end) }
        return isObfuscated(name) ? (.obfuscated(name.array), end) : nil
    }

    /// `"_" 1*( ALPHA / DIGIT / "." / "_" / "-" )`.
    private static func isObfuscated(_ text: Span<UInt8>) -> Bool {
        guard text.count > 1, text[0] == UInt8(ascii: "_") else { return false }
        for index in 1..<text.count {
            let octet = text[index]
            guard
                ASCII.isAlpha(octet) || ASCII.isDigit(octet) || octet == UInt8(ascii: ".")
                    || octet == UInt8(ascii: "_") || octet == UInt8(ascii: "-")
            else { return false }
        }
        return true
    }

    /// `1*5DIGIT`.
    private static func number(_ text: Span<UInt8>) -> UInt16? {
        guard (1...5).contains(text.count) else { return nil }
        var value = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else { return nil }
            value = value * 10 + Int(text[index] &- 0x30)
        }
        return UInt16(exactly: value)
    }
}

extension ForwardingNode {
    /// Appends the node's name as `X-Forwarded-For` has it: an address stands bare.
    package func appendBare(to output: inout [UInt8]) {
        switch name {
        case .address(let address): output.append(address.text)
        case .unknown: output.append("unknown")
        case .obfuscated(let name): output.append(contentsOf: name)
        }
    }

    /// Appends `for=` and the node's name, quoted where it must be (RFC 7239 §4).
    package func appendParameter(to output: inout [UInt8]) {
        output.append("for=")
        guard case .address(let address) = name, address.text.utf8.contains(UInt8(ascii: ":"))
        else { return appendBare(to: &output) }
        output.append("\"[\(address.text)]\"")
    }
}
