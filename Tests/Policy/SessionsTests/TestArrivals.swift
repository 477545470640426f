import Clock
import Endings
import Sessions
import Settings

/// SplitMix64: the same numbers from the same seed, on every machine.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension SessionID {
    init(_ number: Int) { self.init(high: 0, low: UInt64(number)) }
}

extension Instant {
    static func seconds(_ seconds: Int) -> Instant { .zero + .seconds(seconds) }
}

extension DeviceKey {
    /// A device that sends this ClientId.
    static func named(_ clientID: String) throws -> DeviceKey { .client(try ClientID(clientID)) }
}

/// An arrival in store 17 whose session and connection carry the same number.
func arrival(
    _ number: Int, device: DeviceKey, role: String? = "admin", isLimited: Bool = true,
    store: String = "17", transport: Arrival.Transport = .eventStream, user: String? = nil
) -> Arrival {
    Arrival(
        id: SessionID(number),
        connection: ConnectionAddress(worker: 0, connection: UInt64(number)),
        store: StoreKey(block: "dashboards", store: store), device: device, role: role,
        isLimited: isLimited, user: user, address: "192.168.0.100", userAgent: "test",
        transport: transport, route: "/api/sse/stream", generation: 1)
}

/// One store, its devices by name, and what happened last; reads like the scenarios do.
final class Scenario {
    private var sessions = StoreSessions()
    private let limit: SessionSettings.Limit
    private var number = 0
    private var live: [SessionID: String] = [:]

    init(_ policy: SessionSettings.Policy, max: Int) {
        limit = SessionSettings.Limit(devices: max, policy: policy)
    }

    /// What the devices named on the way saw: `A in`, `A out: eject_old`, `C refused`.
    func connect(_ device: String, at second: Int = 0) throws -> [String] {
        try connect(device, key: .named(device), at: second)
    }

    func connect(
        _ device: String, key: DeviceKey, at second: Int = 0
    ) throws -> [String] {
        number += 1
        let admission = sessions.arrived(
            arrival(number, device: key), limit: limit, at: .seconds(second))
        switch admission {
        case .refused: return ["\(device) refused"]
        case .admitted(let endings):
            let seen = endings.map { ending in
                "\(live.removeValue(forKey: ending.session) ?? "?") out: \(ending.cause.rawValue)"
            }
            live[SessionID(number)] = device
            return seen + ["\(device) in"]
        }
    }

    func disconnect(_ device: String) {
        for (id, name) in live where name == device {
            sessions.ended(id)
            live[id] = nil
        }
    }

    /// The devices that are in, by name.
    var connected: [String] { live.values.sorted() }
}
