package import HTTP

/// Reads response heads off a connection to an upstream, one after the other (RFC 9112 §4, §5).
/// Informational heads (1xx) are returned as any other.
package struct ResponseHeadDecoder: ~Copyable, Sendable {
    private var reader: HeadReader<StatusLine>

    package init(limits: HeadLimits = .response) { reader = HeadReader(limits: limits) }

    /// True when no octet of a next response was read.
    package var isIdle: Bool { reader.isIdle }

    /// Octets of a head that is not whole yet.
    package var keptCount: Int { reader.keptCount }

    /// The next head; nil when more is needed.
    ///
    /// `index` is moved past what was read: all of the input, or up to the end of the head; what
    /// comes after belongs to the body. After an error the decoder throws the same again for ever;
    /// the client gets 502.
    package mutating func decode(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(HeadError) -> ResponseHead? {
        guard let (line, fields) = try reader.read(input, at: &index) else { return nil }
        return ResponseHead(
            status: line.status, reason: line.reason, minorVersion: line.version.minor ?? 1,
            fields: fields)
    }
}
