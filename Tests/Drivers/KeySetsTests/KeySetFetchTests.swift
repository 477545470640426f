import Clock
import HTTP
import Peers
import Settings
import TLS
import Testing
import Transport

@testable import KeySets

/// One fetch, driven by hand.
@Suite struct KeySetFetchTests {
    private let server: KeySetServer
    private let tools: KeySetFetch.Tools

    init() throws {
        server = try KeySetServer()
        try server.publish(text: "keys")
        tools = KeySetFetch.Tools(
            poller: try Poller(), engine: TLSEngine(), buffer: ReadBuffer())
    }

    private func fetch(_ set: RemoteKeySet) throws -> KeySetFetch {
        KeySetFetch(
            set, context: try TLSClientContext(authority: server.authority.root.certificate),
            token: 7, tools: tools, now: SystemClock.now())
    }

    /// Drives it from `step` until it wants something.
    private func drive(_ fetch: KeySetFetch, from step: KeySetFetch.Step) -> KeySetFetch.Step {
        var step = step
        while case .wait = step {
            let left = (fetch.deadline - SystemClock.now()).wholeMilliseconds
            if tools.poller.wait(milliseconds: Int32(max(0, left) + 1)) > 0 {
                step = fetch.ready(tools.poller.event(0).readiness, now: SystemClock.now())
            } else {
                step = fetch.timePassed(to: SystemClock.now())
            }
        }
        return step
    }

    private func address(_ port: UInt16?) -> SocketAddress {
        .ip4(octets: [127, 0, 0, 1], port: port ?? 0)
    }

    @Test func `every address has its turn, and a silent one leaves time for the next`() throws {
        let closed = try Listener.loopback()
        let silent = try Listener.loopback()
        closed.descriptor.close()
        let set = server.set("/keys/90") { $0.timeout = .seconds(6) }
        let fetch = try fetch(set)
        guard case .lookUp(let location) = fetch.start() else {
            Issue.record("nothing is looked up")
            return
        }
        #expect(
            location == SecureLocation(host: "localhost", port: server.port, target: "/keys/90"))
        let addresses = [
            address(closed.address.port), address(silent.address.port), address(server.port),
        ]
        let first = fetch.lookedUp(location, .success(addresses), now: SystemClock.now())
        guard case .done(.success(let answer)) = drive(fetch, from: first) else {
            Issue.record("no answer")
            return
        }
        #expect(answer.octets == Array("keys".utf8))
        #expect(answer.lifetime == .seconds(90))
    }

    @Test func `when no address is left, the last one says why`() throws {
        let closed = try Listener.loopback()
        closed.descriptor.close()
        for addresses in [[address(closed.address.port)], []] {
            let fetch = try fetch(server.set())
            guard case .lookUp(let location) = fetch.start() else { continue }
            let first = fetch.lookedUp(location, .success(addresses), now: SystemClock.now())
            guard case .done(.failure(let failure)) = drive(fetch, from: first) else {
                Issue.record("no failure")
                continue
            }
            #expect(
                failure
                    == (addresses.isEmpty
                        ? .name("no address") : .connection("Connection refused")))
        }
    }

    @Test func `a lookup takes no longer than all of it may`() throws {
        let fetch = try fetch(server.set { $0.timeout = .milliseconds(50) })
        guard case .lookUp(let location) = fetch.start() else { return }
        guard case .done(.failure(.timeout(.lookup))) = drive(fetch, from: .wait) else {
            Issue.record("no timeout")
            return
        }
        // What comes later is for nobody.
        let late = fetch.lookedUp(
            location, .success([address(server.port)]), now: SystemClock.now())
        guard case .wait = late else {
            Issue.record("\(late)")
            return
        }
    }

    @Test func `an answer to another lookup is none`() throws {
        let fetch = try fetch(server.set("/to/?https://127.0.0.1:\(server.port)/keys"))
        guard case .lookUp(let location) = fetch.start() else { return }
        let other = SecureLocation(host: "other.test")
        guard case .wait = fetch.lookedUp(other, .success([]), now: SystemClock.now()) else {
            Issue.record("another name's addresses were taken")
            return
        }
        let first = fetch.lookedUp(
            location, .success([address(server.port)]), now: SystemClock.now())
        guard case .lookUp(let next) = drive(fetch, from: first) else {
            Issue.record("no redirect")
            return
        }
        #expect(next == SecureLocation(host: "127.0.0.1", port: server.port, target: "/keys"))
        guard case .wait = fetch.lookedUp(location, .success([]), now: SystemClock.now()) else {
            Issue.record("the first name's addresses were taken")
            return
        }
    }
}
