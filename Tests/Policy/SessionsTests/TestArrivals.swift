import Clock
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
    static func seconds(_ seconds: Double) -> Instant {
        .zero + .milliseconds(Int(seconds * 1000))
    }
}

extension DeviceIdentity {
    /// A device that sends this ClientId.
    static func named(
        _ clientID: String, of owner: DeviceOwner = .anyone
    ) throws -> DeviceIdentity {
        DeviceIdentity(
            owner: owner, key: .client(try ClientID(clientID)),
            origin: .given(.query("client_id")))
    }

    /// One that sends none.
    static func looking(
        like userAgent: String, of owner: DeviceOwner = .anyone
    ) -> DeviceIdentity {
        DeviceIdentity(
            owner: owner,
            key: .fallback(address: "192.168.0.100", role: "admin", userAgent: userAgent),
            origin: .looks)
    }

    /// One that sends none, and is given this one.
    static func issued(
        _ clientID: String, like userAgent: String, of owner: DeviceOwner = .anyone
    ) throws -> DeviceIdentity {
        DeviceIdentity(
            owner: owner, key: .client(try ClientID(clientID)),
            origin: .issued(like: looking(like: userAgent).key))
    }
}

extension DeviceOwner {
    static func user(_ name: String) -> DeviceOwner {
        DeviceOwner(.user, rule: "app", user: name)
    }
}

extension SessionSettings {
    static func limiting(
        _ limits: RoleLimit..., sameDevice: SameDevice = .replace, grace: Duration? = nil,
        probe: Duration? = nil
    ) -> SessionSettings {
        var settings = SessionSettings(
            name: "dashboards", store: .query("store_id"), limits: limits)
        settings.sameDevice = sameDevice
        settings.grace = grace
        settings.probe = probe
        return settings
    }
}

extension SessionSettings.RoleLimit {
    static func of(
        _ roles: String..., max: Int, _ policy: SessionSettings.Policy, claim: String? = nil
    ) -> SessionSettings.RoleLimit {
        .init(roles: roles, limit: .init(devices: max, policy: policy), claim: claim)
    }
}

extension SessionRules {
    /// One limit for everybody, nobody asked, no grace.
    static func plain(_ max: Int, _ policy: SessionSettings.Policy) -> SessionRules {
        SessionRules(.limiting(.of(max: max, policy)), generation: 1)
    }
}

/// An arrival in store 17 whose session and connection carry the same number.
func arrival(
    _ number: Int, device: DeviceIdentity, role: String? = "admin", rules: SessionRules,
    store: String = "17", transport: LiveTransport = .eventStream, user: String? = nil,
    claimed: Int? = nil, isReportOnly: Bool = false, address: String = "192.168.0.100"
) -> Arrival {
    Arrival(
        id: SessionID(number),
        connection: ConnectionAddress(worker: 0, connection: UInt64(number)),
        store: StoreKey(block: "dashboards", store: store), device: device, role: role,
        user: user, claimedDevices: claimed, address: address, userAgent: "test",
        transport: transport, route: "/api/sse/stream", rules: rules, isReportOnly: isReportOnly)
}
