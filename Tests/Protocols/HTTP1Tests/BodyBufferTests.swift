import Bytes
import HTTP
import HTTP1
import Randomness
import Testing

@Suite("Bodies that are kept")
struct BodyBufferTests {
    /// What became of a body that came in pieces, one behind the other.
    struct Outcome {
        var buffer: BodyBuffer
        var decoder: BodyDecoder
        var consumed = 0

        init(
            _ framing: BodyFraming, capacity: Int, _ pieces: [ArraySlice<UInt8>]
        ) throws(BodyError) {
            buffer = BodyBuffer(capacity: capacity)
            decoder = BodyDecoder(framing)
            for piece in pieces {
                let input = Array(piece)
                var index = 0
                try buffer.fill(from: input.span, at: &index, with: &decoder)
                consumed += index
                // What is left is not for the buffer.
                if index < input.count { return }
            }
        }

        /// The rest of `octets`, read with the decoder.
        mutating func rest(of octets: [UInt8]) throws(BodyError) -> [UInt8] {
            var data: [UInt8] = []
            var index = consumed
            while let event = try decoder.decode(octets.span, at: &index) {
                if case .data(let range) = event { data += octets[range] }
            }
            return data
        }
    }

    @Test("a body that fits is whole, and what follows is left alone")
    func whole() throws {
        var generator = SeededGenerator(seed: 21)
        let chunked = "3;x=y\r\nabc\r\n7\r\ndefghij\r\n0\r\n\r\n"
        for (text, framing) in [("abcdefghij", BodyFraming.length(10)), (chunked, .chunked)] {
            for _ in 0..<20 {
                for pieces in cuts(of: [UInt8]((text + "GET /").utf8), using: &generator) {
                    let outcome = try Outcome(framing, capacity: 11, pieces)
                    #expect(outcome.buffer.octets == [UInt8]("abcdefghij".utf8))
                    #expect(outcome.buffer.isWhole && !outcome.buffer.isFilling)
                    #expect(outcome.decoder.isComplete)
                    #expect(outcome.consumed == text.utf8.count)
                    #expect(outcome.buffer.framing(of: framing) == .length(10))
                }
            }
        }
    }

    @Test("a length that is exactly the room there is makes a whole body")
    func exact() throws {
        let octets = [UInt8]("abcde".utf8)
        let outcome = try Outcome(.length(5), capacity: 5, [octets[...]])
        #expect(outcome.buffer.isWhole)
    }

    @Test("never more is kept than there is room for; the rest goes on where it stopped")
    func full() throws {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 22))
        for _ in 0..<Fuzzing.iterations(default: 1500) / 7 {
            let body = generator.octets(Int.random(in: 2...400, using: &generator))
            let capacity = Int.random(in: 1..<body.count, using: &generator)
            var chunked: [UInt8] = []
            for piece in generator.pieces(of: body.count, 1...50) {
                chunked += [UInt8]("\(String(piece.count, radix: 16))\r\n".utf8)
                chunked += body[piece] + [UInt8]("\r\n".utf8)
            }
            chunked += [UInt8]("0\r\n\r\n".utf8)
            for (octets, framing) in [(body, BodyFraming.length(body.count)), (chunked, .chunked)] {
                for pieces in cuts(of: octets, using: &generator) {
                    var outcome = try Outcome(framing, capacity: capacity, pieces)
                    #expect(outcome.buffer.octets.elementsEqual(body.prefix(capacity)))
                    #expect(!outcome.buffer.isFilling && !outcome.buffer.isWhole)
                    #expect(outcome.buffer.framing(of: framing) == framing)
                    let rest = try outcome.rest(of: octets)
                    #expect(outcome.buffer.octets + rest == body)
                }
            }
        }
    }

    /// What a body was read as: by a buffer and then by its decoder, or by a decoder alone.
    private func read(_ octets: [UInt8], _ capacity: Int?, _ pieces: [ArraySlice<UInt8>]) -> Read {
        var buffer = capacity.map { BodyBuffer(capacity: $0) }
        var decoder = BodyDecoder(.chunked)
        var outcome = Read()
        do throws(BodyError) {
            for piece in pieces where !decoder.isComplete {
                let input = Array(piece)
                var index = 0
                try buffer?.fill(from: input.span, at: &index, with: &decoder)
                guard buffer?.isFilling != true else { continue }
                while let event = try decoder.decode(input.span, at: &index) {
                    switch event {
                    case .data(let range): outcome.data += input[range]
                    case .end(let trailers): outcome.trailers = trailers.map(described)
                    }
                }
                outcome.left = octets.count - piece.startIndex - index
            }
        } catch {
            outcome.error = error
        }
        outcome.data = (buffer?.octets ?? []) + outcome.data
        if buffer?.isWhole == true { outcome.trailers = buffer?.trailers.map(described) }
        if decoder.isComplete == false || outcome.error != nil { outcome.left = nil }
        outcome.isComplete = decoder.isComplete
        if let capacity, let kept = buffer?.octets.count { #expect(kept <= capacity) }
        return outcome
    }

    struct Read: Equatable {
        var data: [UInt8] = []
        var trailers: [String]?
        var error: BodyError?
        var left: Int?
        var isComplete = false
    }

    @Test("damaged bodies are read alike with a buffer and without, in all cuts")
    func damaged() throws {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 23))
        for _ in 0..<Fuzzing.iterations(default: 1500) {
            let sample = try #require(MutationTests.bodies.randomElement(using: &generator))
            let octets = mutated([UInt8](sample.utf8), using: &generator)
            let alone = read(octets, nil, [octets[...]])
            for pieces in cuts(of: octets, using: &generator) {
                for capacity in [1, Int.random(in: 2...40, using: &generator), 4096] {
                    #expect(read(octets, capacity, pieces) == alone, "\(capacity) \(octets)")
                }
            }
        }
    }

    @Test("trailers are kept, and the body stays chunked for them")
    func trailers() throws {
        let octets = [UInt8]("1\r\na\r\n0\r\nX: y\r\n\r\n".utf8)
        let outcome = try Outcome(.chunked, capacity: 9, [octets[...]])
        #expect(outcome.buffer.trailers?.text(named: "x") == "y")
        #expect(outcome.buffer.framing(of: .chunked) == .chunked)
    }

    @Test("an empty chunked body is one of no length")
    func empty() throws {
        let octets = [UInt8]("0\r\n\r\n".utf8)
        let outcome = try Outcome(.chunked, capacity: 9, [octets[...]])
        #expect(outcome.buffer.isWhole)
        #expect(outcome.buffer.framing(of: .chunked) == .length(0))
    }

    @Test("a malformed body is refused as without a buffer")
    func malformed() {
        let octets = [UInt8]("1\r\naX".utf8)
        #expect(throws: BodyError.malformedChunk) {
            _ = try Outcome(.chunked, capacity: 9, [octets[...]])
        }
    }
}

extension BodyBuffer {
    /// Filled as its owner has to do it: with no more at once than it has room for.
    fileprivate mutating func fill(
        from input: Span<UInt8>, at index: inout Int, with decoder: inout BodyDecoder
    ) throws(BodyError) {
        while isFilling, index < input.count {
            let part = input.extracting(0..<min(input.count, index + room))
            while let event = try decoder.decode(part, at: &index) {
                switch event {
                case .data(let range): keep(part.extracting(range))
                case .end(let trailers): ended(trailers: trailers)
                }
            }
            settle()
        }
    }
}
