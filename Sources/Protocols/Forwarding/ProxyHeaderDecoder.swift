import Bytes

/// Reads the PROXY header at the beginning of a connection, in pieces of any size, and takes no
/// octet that comes behind it.
///
///     reading --whole header--> done (to be dropped)      reading --error--> dead
package struct ProxyHeaderDecoder: Sendable {
    /// The longest header that is taken, in octets: names, certificates and whatever else a proxy
    /// may add leave most of it free.
    package static let sizeLimit = 4096
    /// The longest line of version 1, line end included.
    private static let lineLimit = 107
    /// What comes before the addresses in version 2.
    private static let fixedSize = 16
    private static let lineStart: [UInt8] = Array("PROXY ".utf8)

    private var buffer: [UInt8] = []
    private var failure: ProxyHeaderError?

    package init() {}

    /// Nothing has come yet.
    package var isIdle: Bool { buffer.isEmpty && failure == nil }

    /// Reads from `index` on and moves it behind what was taken. Nil when more is needed.
    ///
    /// - Throws: why there is no header; then the connection has to be closed.
    package mutating func decode(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(ProxyHeaderError) -> ProxyHeader? {
        if let failure { throw failure }
        do throws(ProxyHeaderError) {
            while index < input.count {
                buffer.append(input[index])
                index += 1
                if let header = try judge() { return header }
            }
            return nil
        } catch {
            buffer = []
            failure = error
            throw error
        }
    }

    /// Called for every octet: `buffer` never holds one more than a header may have.
    private func judge() throws(ProxyHeaderError) -> ProxyHeader? {
        let last = buffer.count - 1
        if buffer[0] == ProxyHeader.signature[0] {
            if last < ProxyHeader.signature.count {
                guard buffer[last] == ProxyHeader.signature[last] else { throw .noHeader }
                return nil
            }
            return try judgeBlock()
        }
        if last < Self.lineStart.count {
            guard buffer[last] == Self.lineStart[last] else { throw .noHeader }
            return nil
        }
        return try judgeLine()
    }

    private func judgeBlock() throws(ProxyHeaderError) -> ProxyHeader? {
        guard buffer[12] >> 4 == 2, buffer[12] & 0x0F < 2 else { throw .unknownKind }
        guard buffer.count >= Self.fixedSize else { return nil }
        let size = Self.fixedSize + (Int(buffer[14]) << 8 | Int(buffer[15]))
        guard size <= Self.sizeLimit else { throw .tooLong }
        return buffer.count == size ? try ProxyHeader(block: buffer.span) : nil
    }

    private func judgeLine() throws(ProxyHeaderError) -> ProxyHeader? {
        let last = buffer.count - 1
        if buffer[last] == ASCII.lineFeed {
            guard buffer[last - 1] == ASCII.carriageReturn else { throw .malformedLine }
            return try ProxyHeader(line: buffer.span.extracting(6..<last - 1))
        }
        guard buffer[last - 1] != ASCII.carriageReturn else { throw .malformedLine }
        guard buffer.count < Self.lineLimit else { throw .tooLong }
        return nil
    }
}

// MARK: Version 1

extension ProxyHeader {
    /// What stands between `PROXY ` and the line end (section 2.1):
    ///
    ///     "TCP4" / "TCP6" SP address SP address SP port SP port
    ///     "UNKNOWN" anything
    fileprivate init(line: Span<UInt8>) throws(ProxyHeaderError) {
        let unknown = "UNKNOWN"
        if line.starts(with: unknown),
            line.count == unknown.utf8.count || line[unknown.utf8.count] == ASCII.space
        {
            self.init(.local)
            return
        }
        var words: [Range<Int>] = []
        var start = 0
        while start <= line.count, words.count < 6 {
            let end = line.firstIndex(of: ASCII.space, from: start) ?? line.count
            words.append(start..<end)
            start = end + 1
        }
        let family = line.extracting(words[0])
        guard words.count == 5, family.matches("TCP4") || family.matches("TCP6"),
            let client = Self.endpoint(line, words[1], words[3]),
            let server = Self.endpoint(line, words[2], words[4]),
            client.address.isIPv4 == family.matches("TCP4"),
            server.address.isIPv4 == client.address.isIPv4
        else { throw .malformedLine }
        self.init(.internet(client: client, server: server))
    }

    private static func endpoint(
        _ line: Span<UInt8>, _ address: Range<Int>, _ port: Range<Int>
    ) -> Endpoint? {
        guard let address = NumericAddress(line.extracting(address)),
            let port = Self.port(line.extracting(port))
        else { return nil }
        return Endpoint(address: address, port: port)
    }

    /// Without leading zeros.
    private static func port(_ text: Span<UInt8>) -> UInt16? {
        guard (1...5).contains(text.count), text.count == 1 || text[0] != 0x30 else { return nil }
        var value = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else { return nil }
            value = value * 10 + Int(text[index] &- 0x30)
        }
        return UInt16(exactly: value)
    }
}

// MARK: Version 2

/// The types of additional fields that are looked at (section 2.2).
private enum FieldType {
    static let checksum: UInt8 = 0x03
    static let tls: UInt8 = 0x20
    /// A bit in the first octet of a `tls` field: the client speaks TLS.
    static let isTLS: UInt8 = 0x01
}

extension ProxyHeader {
    /// A whole header, whose version, command and length were looked at (section 2.2).
    fileprivate init(block: Span<UInt8>) throws(ProxyHeaderError) {
        // A proxy may say anything about a connection of its own (LOCAL); the addresses do not
        // count.
        if block[12] & 0x0F == 0 {
            self.init(.local)
            return
        }
        let (family, transport) = (block[13] >> 4, block[13] & 0x0F)
        guard family <= 3, transport <= 2 else { throw .unknownKind }
        guard family != 0, transport != 0 else {
            self.init(.local)
            return
        }
        let addressesEnd = 16 + [0, 12, 36, 216][Int(family)]
        guard block.count >= addressesEnd else { throw .malformedBlock }
        let fields = try AdditionalFields(block, from: addressesEnd)
        guard fields.isChecksumRight else { throw .checksum }
        switch Self.endpoints(block, size: family == 1 ? 4 : 16) {
        case (let client, let server)? where family != 3:
            self.init(.internet(client: client, server: server), isSecure: fields.isSecure)
        default: self.init(.unix, isSecure: fields.isSecure)
        }
    }

    /// Client and server, whose addresses have `size` octets.
    private static func endpoints(
        _ block: Span<UInt8>, size: Int
    ) -> (client: Endpoint, server: Endpoint)? {
        let portsStart = 16 + 2 * size
        let ends = (0..<2).compactMap { end -> Endpoint? in
            let start = 16 + end * size
            let port = UInt16(bigEndianIn: block, at: portsStart + 2 * end)
            return NumericAddress(
                networkOctets: block.extracting(start..<start + size).array
            ).map { Endpoint(address: $0, port: port) }
        }
        return ends.count == 2 ? (ends[0], ends[1]) : nil
    }
}

/// What is behind the addresses: type, length in two octets, value; again and again.
private struct AdditionalFields {
    private(set) var isSecure: Bool?
    /// True also when there is none.
    private(set) var isChecksumRight = true

    init(_ block: Span<UInt8>, from start: Int) throws(ProxyHeaderError) {
        var index = start
        var hasChecksum = false
        while index < block.count {
            let (type, value) = try Self.next(block, at: &index)
            if type == FieldType.checksum {
                guard value.count == 4, !hasChecksum else { throw .malformedBlock }
                hasChecksum = true
                isChecksumRight =
                    Self.checksum(of: block, without: value)
                    == block.extracting(value).bigEndian
            } else if type == FieldType.tls {
                isSecure = try Self.isTLS(block.extracting(value))
            }
        }
    }

    private static func next(
        _ block: Span<UInt8>, at index: inout Int
    ) throws(ProxyHeaderError) -> (type: UInt8, value: Range<Int>) {
        guard block.count - index >= 3 else { throw .malformedBlock }
        let type = block[index]
        let start = index + 3
        let end = start + Int(UInt16(bigEndianIn: block, at: index + 1))
        guard end <= block.count else { throw .malformedBlock }
        index = end
        return (type, start..<end)
    }

    /// Flags, what came of the client's certificate in four octets, fields of its own (section
    /// 2.2.6).
    private static func isTLS(_ value: Span<UInt8>) throws(ProxyHeaderError) -> Bool {
        guard value.count >= 5 else { throw .malformedBlock }
        var index = 5
        while index < value.count { _ = try next(value, at: &index) }
        return value[0] & FieldType.isTLS != 0
    }

    /// CRC32c (RFC 9260 appendix A) of the header, zeros in the place of its checksum.
    private static func checksum(of block: Span<UInt8>, without range: Range<Int>) -> UInt32 {
        var register = UInt32.max
        for index in block.indices {
            register ^= range.contains(index) ? 0 : UInt32(block[index])
            for _ in 0..<8 {
                register = register & 1 == 1 ? register >> 1 ^ 0x82F6_3B78 : register >> 1
            }
        }
        return ~register
    }
}

extension UInt16 {
    fileprivate init(bigEndianIn octets: Span<UInt8>, at index: Int) {
        self = UInt16(octets[index]) << 8 | UInt16(octets[index + 1])
    }
}

extension Span where Element == UInt8 {
    /// Four octets as a number.
    fileprivate var bigEndian: UInt32 {
        UInt32(self[0]) << 24 | UInt32(self[1]) << 16 | UInt32(self[2]) << 8 | UInt32(self[3])
    }
}
