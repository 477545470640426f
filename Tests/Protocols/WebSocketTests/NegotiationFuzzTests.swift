import Randomness
import Testing

@testable import WebSocket

/// Headers as clients and servers send them, broken in every way, against the rules of RFC 7692
/// §7.1 once more, as plainly as they can be said.
@Suite("Negotiation, mutated")
struct NegotiationFuzzTests {
    static let seen = [
        "permessage-deflate", "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            + "; server_max_window_bits=15; client_max_window_bits=15",
        "permessage-deflate; client_max_window_bits, permessage-deflate",
        "permessage-deflate; server_max_window_bits=8, permessage-deflate; later=\"1\""
            + ", permessage-deflate; client_max_window_bits=\"8\"",
        "x-webkit-deflate-frame, permessage-deflate;client_no_context_takeover",
        "permessage-deflate; server_no_context_takeover; client_max_window_bits=9",
        "permessage-bzip2, permessage-deflate; server_no_context_takeover", "mux; a=1; b",
    ]

    private static let pieces = [
        "permessage-deflate", "; ", ", ", " ", "=", "\"", "\\", "\t", "=8", "=9", "=15", "=010",
        "a",
        "; server_max_window_bits", "; client_max_window_bits", "; server_no_context_takeover",
        "; client_no_context_takeover", "; server_max_window_bits=12", ", permessage-deflate",
        "; client_max_window_bits=10", ", permessage-deflate; server_max_window_bits=8", ", mux",
    ]

    /// A header seen in the wild with pieces put in, taken out and changed.
    private static func header(_ generator: inout SeededGenerator) -> [UInt8] {
        var header = Array((seen.randomElement(using: &generator) ?? "").utf8)
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            let piece = Array((pieces.randomElement(using: &generator) ?? "").utf8)
            let isAtEnd = generator.chance(60)
            let index = isAtEnd ? header.count : Int.random(in: 0...header.count, using: &generator)
            header.insert(contentsOf: piece, at: index)
        }
        if generator.chance(20) { CutTests.mutate(&header, &generator) }
        return header
    }

    /// Every way to say the parameters of an element in order: what is not here is illegal.
    private static func legal(bare: Bool) -> Set<String> {
        let server = [""] + (8...15).map { "; server_max_window_bits=\($0)" }
        var client = [""] + (8...15).map { "; client_max_window_bits=\($0)" }
        if bare { client.append("; client_max_window_bits") }
        var all: Set<String> = []
        for first in ["", "; client_no_context_takeover"] {
            for second in ["", "; server_no_context_takeover"] {
                for server in server {
                    for client in client { all.insert(client + first + server + second) }
                }
            }
        }
        return all
    }

    private static let offers = legal(bare: true)
    private static let answers = legal(bare: false)

    /// The parameters in the order of their names.
    private static func sorted(_ element: ExtensionList.Element) -> String {
        element.parameters.map { "; " + $0.name + ($0.value.map { "=" + $0 } ?? "") }.sorted()
            .joined()
    }

    private static func bits(_ name: String, _ element: ExtensionList.Element) -> Int? {
        element.parameters.first { $0.name == name }?.value.flatMap { Int($0) }
    }

    private static func has(_ name: String, _ element: ExtensionList.Element) -> Bool {
        element.parameters.contains { $0.name == name }
    }

    /// What a client that sent `offer` must not find wrong with `answer`, and what was agreed on.
    private func check(
        _ agreement: DeflateAgreement, to offer: ExtensionList.Element,
        _ policy: DeflateNegotiation.Policy, seed: UInt64
    ) throws {
        let list = try extensions([agreement.headerValue])
        let answer = try #require(list.elements.first)
        #expect(list.elements.count == 1 && answer.name == "permessage-deflate")
        #expect(Self.answers.contains(Self.sorted(answer)), "seed \(seed)")

        let server = Self.bits("server_max_window_bits", answer)
        let offered = Self.bits("server_max_window_bits", offer)
        #expect((server == nil) == (offered == nil), "seed \(seed)")
        #expect(server ?? 15 <= offered ?? 15, "seed \(seed)")
        #expect(agreement.serverWindowBits <= server ?? 15, "seed \(seed)")
        #expect(agreement.serverWindowBits >= 9, "seed \(seed)")
        #expect(agreement.serverWindowBits <= policy.serverWindowBits, "seed \(seed)")

        let client = Self.bits("client_max_window_bits", answer)
        #expect(client == nil || Self.has("client_max_window_bits", offer), "seed \(seed)")
        let own = Self.bits("client_max_window_bits", offer) ?? 15
        #expect(client ?? 15 <= policy.clientWindowBits || client == nil, "seed \(seed)")
        #expect(agreement.clientWindowBits == min(client ?? 15, own), "seed \(seed)")

        for (name, keeps) in [
            ("server_no_context_takeover", agreement.serverKeepsContext),
            ("client_no_context_takeover", agreement.clientKeepsContext),
        ] {
            #expect(Self.has(name, answer) == !keeps, "seed \(seed)")
            #expect(keeps == (policy.keepsContext && !Self.has(name, offer)), "seed \(seed)")
        }
    }

    @Test("offers are refused or answered as a strict client wants it")
    func offers() throws {
        var agreements = 0
        var refusals = 0
        for iteration in 0..<UInt64(fuzzIterations) {
            let seed = fuzzSeed &* 9_000_011 &+ iteration
            var generator = SeededGenerator(seed: seed)
            let header = Self.header(&generator)
            var list = ExtensionList()
            do throws(HandshakeError) {
                try list.read(header.span)
            } catch {
                refusals += 1
                continue
            }
            #expect(!list.elements.isEmpty)
            let policy = DeflateNegotiation.Policy(
                serverWindowBits: Int.random(in: 9...15, using: &generator),
                clientWindowBits: generator.chance(50)
                    ? 15 : Int.random(in: 9...15, using: &generator),
                keepsContext: generator.chance(50))
            let accepted = list.elements.first {
                $0.name == "permessage-deflate" && Self.offers.contains(Self.sorted($0))
                    && Self.bits("server_max_window_bits", $0) != 8
            }
            let agreement = DeflateNegotiation.answer(list, policy: policy)
            #expect((agreement == nil) == (accepted == nil), "seed \(seed)")
            guard let agreement, let accepted else { continue }
            agreements += 1
            try check(agreement, to: accepted, policy, seed: seed)
            try checkPassedOn(list, header, seed: seed)
        }
        #expect(agreements > fuzzIterations / 5 && refusals > fuzzIterations / 20)
    }

    /// What goes on are the offers alone, and several lines are one list.
    private func checkPassedOn(_ list: ExtensionList, _ header: [UInt8], seed: UInt64) throws {
        let value = try #require(list.onlyDeflate)
        let again = try extensions([value])
        let offers = list.elements.filter { $0.name == "permessage-deflate" }
        #expect(again.elements == offers, "seed \(seed)")
        #expect(again.onlyDeflate == value, "seed \(seed)")
        var lines = ExtensionList()
        for line in header.split(separator: UInt8(ascii: ",")) {
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
            try lines.read(line.span)
        }
        #expect(lines.elements == list.elements, "seed \(seed)")
    }

    @Test("answers are agreements only where nothing is wrong with them")
    func answers() {
        var agreements = 0
        var errors: [HandshakeError: Int] = [:]
        for iteration in 0..<UInt64(fuzzIterations) {
            let seed = fuzzSeed &* 13_000_027 &+ iteration
            var generator = SeededGenerator(seed: seed)
            var list = ExtensionList()
            do throws(HandshakeError) {
                for _ in 0..<(generator.chance(5) ? 2 : 1) {
                    try list.read(Self.header(&generator).span)
                }
                let expected = Self.error(of: list)
                do throws(HandshakeError) {
                    let agreement = try DeflateOffer.read(list)
                    #expect(expected == nil && agreement != nil, "seed \(seed)")
                    agreements += 1
                    let element = list.elements[0]
                    #expect(
                        agreement?.serverWindowBits
                            == Self.bits("server_max_window_bits", element) ?? 15, "seed \(seed)")
                    #expect(
                        agreement?.clientWindowBits
                            == Self.bits("client_max_window_bits", element) ?? 15, "seed \(seed)")
                } catch {
                    #expect(error == expected, "seed \(seed)")
                    throw error
                }
            } catch {
                errors[error, default: 0] += 1
            }
            let isOne = list.elements.map(\.name) == ["permessage-deflate"]
            for (offered, isOffered) in [("permessage-deflate", true), ("mux", false)] {
                let offers = try? extensions([offered])
                #expect(
                    DeflateOffer.isAcceptable(list, to: offers ?? ExtensionList())
                        == (isOne && isOffered || list.elements.isEmpty),
                    "seed \(seed)")
            }
        }
        #expect(agreements > fuzzIterations / 50)
        #expect(errors.count >= 5)
    }

    /// Nil for an answer that may be kept.
    private static func error(of list: ExtensionList) -> HandshakeError? {
        if list.elements.contains(where: { $0.name != "permessage-deflate" }) {
            return .unofferedExtension
        }
        if list.elements.count > 1 { return .repeatedExtension }
        let element = list.elements[0]
        if !answers.contains(sorted(element)) { return .illegalDeflateAnswer }
        if !has("server_no_context_takeover", element) { return .unsupportedDeflateAnswer }
        if bits("client_max_window_bits", element) == 8 { return .unsupportedDeflateAnswer }
        return nil
    }
}
