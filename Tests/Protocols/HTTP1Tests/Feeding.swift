import Bytes
import HTTP
import HTTP1
import Randomness

/// The same octets as one piece, as single octets, and in random pieces.
func cuts(of octets: [UInt8], using generator: inout SeededGenerator) -> [[ArraySlice<UInt8>]] {
    let pieces = generator.pieces(of: octets.count, 1...40)
    return [[octets[...]], octets.indices.map { octets[$0...$0] }, pieces.map { octets[$0] }]
}

/// Changes, inserts, removes or repeats a few octets, with a liking for those that mean something.
func mutated(_ octets: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
    let telling = [UInt8]("\r\n :;,\t0aZ/*?%.HTTP".utf8) + [0, 0x7F, 0x80, 0xFF]
    var octets = octets
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
        guard !octets.isEmpty else { return octets }
        let position = Int.random(in: 0..<octets.count, using: &generator)
        let octet = telling.randomElement(using: &generator) ?? 0
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: octets[position] = octet
        case 1: octets.insert(octet, at: position)
        case 2: octets.remove(at: position)
        default:
            let end = min(octets.count, position + Int.random(in: 1...30, using: &generator))
            octets.insert(contentsOf: octets[position..<end], at: position)
        }
    }
    return octets
}

/// Everything that can be seen of fields.
func described(_ fields: Fields) -> [String] {
    fields.lines.map { line in
        "\(fields.bytes.text(line.name))=\(fields.bytes.text(line.value)) \(line.known)"
    }
}

/// What a decoder made of a stream of heads: the heads, and the error that ended it.
struct HeadOutcome: Equatable {
    var heads: [[String]] = []
    var error: HeadError?
    /// Octets read up to the last head.
    var consumed = 0
    var isIdle = true
}

extension HeadOutcome {
    init(requests pieces: [ArraySlice<UInt8>], limits: HeadLimits = .request) {
        var decoder = RequestHeadDecoder(limits: limits)
        read(pieces) { (input, index) throws(HeadError) in
            guard let head = try decoder.decode(input, at: &index) else { return nil }
            return [head.method.name, head.targetText, "\(head.minorVersion)"]
                + described(head.fields)
        }
        if error == nil { isIdle = decoder.isIdle }
    }

    init(responses pieces: [ArraySlice<UInt8>], limits: HeadLimits = .response) {
        var decoder = ResponseHeadDecoder(limits: limits)
        read(pieces) { (input, index) throws(HeadError) in
            guard let head = try decoder.decode(input, at: &index) else { return nil }
            let reason = head.fields.bytes.text(head.reason)
            return ["\(head.status)", reason, "\(head.minorVersion)"] + described(head.fields)
        }
        if error == nil { isIdle = decoder.isIdle }
    }

    private mutating func read(
        _ pieces: [ArraySlice<UInt8>],
        _ decode: (Span<UInt8>, inout Int) throws(HeadError) -> [String]?
    ) {
        var offset = 0
        for piece in pieces {
            let input = Array(piece)
            var index = 0
            do throws(HeadError) {
                while let head = try decode(input.span, &index) {
                    heads.append(head)
                    consumed = offset + index
                }
            } catch {
                self.error = error
                return
            }
            offset += input.count
        }
    }
}

/// What a decoder made of a body.
struct BodyOutcome: Equatable {
    var data: [UInt8] = []
    /// Nil while the body has not ended.
    var trailers: [String]?
    var error: BodyError?
    /// Octets read up to the end of the body.
    var consumed = 0

    init(_ framing: BodyFraming, _ pieces: [ArraySlice<UInt8>]) {
        var decoder = BodyDecoder(framing)
        var offset = 0
        for piece in pieces {
            let input = Array(piece)
            var index = 0
            do throws(BodyError) {
                while let event = try decoder.decode(input.span, at: &index) {
                    switch event {
                    case .data(let range): data += input[range]
                    case .end(let fields): trailers = fields.map(described) ?? []
                    }
                }
            } catch {
                self.error = error
                return
            }
            if decoder.isComplete {
                consumed = offset + index
                return
            }
            offset += input.count
        }
    }
}

/// The first request head of `text`.
func requestHead(_ text: String) throws(HeadError) -> RequestHead? {
    var decoder = RequestHeadDecoder(limits: .request)
    var index = 0
    let octets = [UInt8](text.utf8)
    return try decoder.decode(octets.span, at: &index)
}

/// The first response head of `text`.
func responseHead(_ text: String) throws(HeadError) -> ResponseHead? {
    var decoder = ResponseHeadDecoder()
    var index = 0
    let octets = [UInt8](text.utf8)
    return try decoder.decode(octets.span, at: &index)
}

/// A request for `/` by HTTP/1.1 with these lines after its Host.
func request(
    _ lines: String..., method: String = "GET", version: String = "1.1"
) throws -> RequestHead {
    let text =
        "\(method) / HTTP/\(version)\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    guard let head = try requestHead(text) else { throw HeadError.malformedStartLine }
    return head
}

/// A response by HTTP/1.1 with these lines.
func response(
    _ status: Int, _ lines: String..., version: String = "1.1"
) throws -> ResponseHead {
    let text = "HTTP/\(version) \(status) X\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    guard let head = try responseHead(text) else { throw HeadError.malformedStartLine }
    return head
}
