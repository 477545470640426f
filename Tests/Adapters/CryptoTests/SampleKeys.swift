/// Keys of every kind, made for these tests with the `openssl` command and used nowhere else.
enum SampleKey: String, CaseIterable, Sendable {
    case rsa, p256, p384, p521, ed25519

    var privatePEM: String {
        switch self {
        case .rsa:
            """
            -----BEGIN PRIVATE KEY-----
            MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC0wvs6iZ9/2KDm
            su6dmtFMbVYU7sHyE8AsfT+GIiWdKIM+7FMq49WJEy3dWcG1ox5egvzTCxBLNfe5
            d02NxgtkdKJT0u+bqxmAZec4niS1s43g2GAHs+VY72082r5rjwr21+Bv5+Da3jXH
            E9OJDWqu/uN1Z4g7hqTWrE7jTEkUi+JgFGIeawcvw3EsULNZdBokftsu+NBOC/kO
            LgeeAu2NTqZ+hS2njL6wA7oJKJHKnsr3i3hiO/kWjI4tnPjbu0t05XLKulDB0fXh
            DDJ3Z83Dz+9ePrAt4GEhsTm8d2HC5aZ6Jz1XLmj2W2YnSTLtNEaBBDWkwanjdBrj
            xB3qWt2LAgMBAAECggEAFfWH4pUccMIGze/XyAKqQXAY4IMewYM/ucffYzKbwitN
            QmQgOFokMzpGvJiuTRwLUOz1vMefy5s7RGcnXz07XhFDNQ6veAhBmVUH0Vt41zAA
            YNu4Usc6aeLwMM/cCSH/8XvJMp8HNF+BRfV1IbWlC6xAQp94r86MEN4u2TMHv7yI
            PCcrPAvB47nrEeYqmuB6DDBbK/li6sM7tk8Tdy4JV8VRR1QrD4B1HIY75UQL+TcA
            j9Cqyvjk3m4/RUODAMIe2jcmwR6gXl89QdPU05mL7SakqlF1xa0JqagqZ9WfLp/6
            7z0K73BfNpSAcAMRhls531u81RVY1Azyn3H2pSeRzQKBgQDleWLJLzFUSZ/4yOUd
            Mrq05BS5Tq4mYuNb0Pefk4vyxRBCd5/cFYhy92mrok9+Z0uNMaeD2orjfmLiH53y
            XahgpBlk3XG1txfoR4HygUoDQ1xb789Oi9KotGaLohdJoc8JY63g6b/fK0rBmk/O
            44Vk2qCSfnVNkQVj/76HMqiqNwKBgQDJqBdvYjYE6QGqhgLbv7KhHlFMGcxtfrpf
            Wx+NODiM6mcpTsNqPmG3vtxgxCF25gTW0cOm/AFpecXXWcaeC5Ee/fE1zl7jpbmp
            wdO8DHvsVpmOexV9aQyh4VPf1JEIgpvDtvWJfjDL1zJO5/Sx60XTFMXdKZq9nAab
            nGDXS+wtTQKBgQCtLKgCT90YUN+q7mEJYelI7f89wUTnryUJe3AEO2MX+OPGZWR8
            wLtSl6hlYH5BVE7N5TUX6mt6Nz0EjPuzlj6lf/GyDvPrQJuILb7BdhSW1dTzhMyb
            6CU4L7xbkB2m8be+zDzCSWUFVDR8Wqnz5fwbGmqnY0u/F7xLtQriGLb0jQKBgQCI
            AlFcFJdulGFFTAGdiRvHw5T9iODycOju65zKOMMbd/WATNlMTSrHLXmh4mbXtKhK
            40vc0ld5dmJTrv9hFVgZ2RjZO4mQbPReZJaUXK8wZfBHwwhpf3K/tCRH8Syo2r6I
            MFxHEc+DjG8n/RZy8cY0aexSEH+HpzZlugEu9MwkeQKBgCk+NhU8e51uYpvGu0J0
            lUH1xVzbniH6qFGTVj/zhn1focJH3rGkE02sqKjjK60eL4e/Hteqd4UAlHnz7iGM
            boXbG9Kgpf7VSB0hY+H61vWExyMA0xzf176qeA4FcqaJ3JQMt+K+V7wKoITe9rQz
            5jkFwhyqWJe4DmH0/yPpKauu
            -----END PRIVATE KEY-----
            """
        case .p256:
            """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmxFnYfSPldZRaT8T
            V9HR0Cmd4Mectv6th84BftmkuayhRANCAARkj9qxxzxr3DTC9C5nP3YarsExjjDW
            U4gnXfhtnGSLFxwZS60g/5QK+zhzt9hxPeWyn8OIRiA9LoFdS9eVqRYA
            -----END PRIVATE KEY-----
            """
        case .p384:
            """
            -----BEGIN PRIVATE KEY-----
            MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDAhoKBKGIemdmisOIoa
            eMD0FB9Av68xn1v9OybltHnHU1QzN0RDmANZHZob/vfpCEWhZANiAASFuinMPeW6
            +qrALcPyyXyKRrXx+FAdu+E7oVTz9bydkHJbVGAJAr23i5mYNdp6GvYwnIm1yGEr
            ZR2Id99qSV6Sa8hbEZTbkuxnn0BzadrocIIKFt/ve1EBjBXM8xd3KP4=
            -----END PRIVATE KEY-----
            """
        case .p521:
            """
            -----BEGIN PRIVATE KEY-----
            MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIB6ahZhtlP4icZPzn6
            tKlGD10/SGNmJgEALZX5H4OCx82EGE4Jj6ke5e1E5EvZCZsHohlvkHsv8xzBo5vN
            ZT8g5EKhgYkDgYYABACOdVXWC7Sncdbi2zB+y8zgPKSDZznzJ/kBoDONzje5b1YJ
            oNM9/wwVBqAxEMk1H41Z6klCcqqjkbiPFajOJB7nagEe1nYY2ZhZ4ZuooGzcd6T3
            xrnPDg08xxCxKaWicKeZ1jqL8aTBmerM6Q/LOwhtY7bl2FFNG03XcXo2NZJ3OrHt
            jw==
            -----END PRIVATE KEY-----
            """
        case .ed25519:
            """
            -----BEGIN PRIVATE KEY-----
            MC4CAQAwBQYDK2VwBCIEIAYBk8RMwaZnGQwfpB0UkImw4taoDrEPxgetz6L/19PA
            -----END PRIVATE KEY-----
            """
        }
    }

    /// Its public half as `PUBLIC KEY`.
    var publicPEM: String {
        switch self {
        case .rsa:
            """
            -----BEGIN PUBLIC KEY-----
            MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtML7Oomff9ig5rLunZrR
            TG1WFO7B8hPALH0/hiIlnSiDPuxTKuPViRMt3VnBtaMeXoL80wsQSzX3uXdNjcYL
            ZHSiU9Lvm6sZgGXnOJ4ktbON4NhgB7PlWO9tPNq+a48K9tfgb+fg2t41xxPTiQ1q
            rv7jdWeIO4ak1qxO40xJFIviYBRiHmsHL8NxLFCzWXQaJH7bLvjQTgv5Di4HngLt
            jU6mfoUtp4y+sAO6CSiRyp7K94t4Yjv5FoyOLZz427tLdOVyyrpQwdH14Qwyd2fN
            w8/vXj6wLeBhIbE5vHdhwuWmeic9Vy5o9ltmJ0ky7TRGgQQ1pMGp43Qa48Qd6lrd
            iwIDAQAB
            -----END PUBLIC KEY-----
            """
        case .p256:
            """
            -----BEGIN PUBLIC KEY-----
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZI/ascc8a9w0wvQuZz92Gq7BMY4w
            1lOIJ134bZxkixccGUutIP+UCvs4c7fYcT3lsp/DiEYgPS6BXUvXlakWAA==
            -----END PUBLIC KEY-----
            """
        case .p384:
            """
            -----BEGIN PUBLIC KEY-----
            MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEhbopzD3luvqqwC3D8sl8ika18fhQHbvh
            O6FU8/W8nZByW1RgCQK9t4uZmDXaehr2MJyJtchhK2UdiHffaklekmvIWxGU25Ls
            Z59Ac2na6HCCChbf73tRAYwVzPMXdyj+
            -----END PUBLIC KEY-----
            """
        case .p521:
            """
            -----BEGIN PUBLIC KEY-----
            MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAjnVV1gu0p3HW4tswfsvM4Dykg2c5
            8yf5AaAzjc43uW9WCaDTPf8MFQagMRDJNR+NWepJQnKqo5G4jxWoziQe52oBHtZ2
            GNmYWeGbqKBs3Hek98a5zw4NPMcQsSmlonCnmdY6i/GkwZnqzOkPyzsIbWO25dhR
            TRtN13F6NjWSdzqx7Y8=
            -----END PUBLIC KEY-----
            """
        case .ed25519:
            """
            -----BEGIN PUBLIC KEY-----
            MCowBQYDK2VwAyEAjRwuIlCbr0VC3/StNA9B0qZ3v65KOBjcMX0yyThaqPw=
            -----END PUBLIC KEY-----
            """
        }
    }
}

/// The keys of `SampleKey` in other forms.
enum OtherForm {
    /// `SampleKey.rsa`, PKCS #1.
    static let rsaPublicKey = """
        -----BEGIN RSA PUBLIC KEY-----
        MIIBCgKCAQEAtML7Oomff9ig5rLunZrRTG1WFO7B8hPALH0/hiIlnSiDPuxTKuPV
        iRMt3VnBtaMeXoL80wsQSzX3uXdNjcYLZHSiU9Lvm6sZgGXnOJ4ktbON4NhgB7Pl
        WO9tPNq+a48K9tfgb+fg2t41xxPTiQ1qrv7jdWeIO4ak1qxO40xJFIviYBRiHmsH
        L8NxLFCzWXQaJH7bLvjQTgv5Di4HngLtjU6mfoUtp4y+sAO6CSiRyp7K94t4Yjv5
        FoyOLZz427tLdOVyyrpQwdH14Qwyd2fNw8/vXj6wLeBhIbE5vHdhwuWmeic9Vy5o
        9ltmJ0ky7TRGgQQ1pMGp43Qa48Qd6lrdiwIDAQAB
        -----END RSA PUBLIC KEY-----
        """
    /// `SampleKey.rsa`, private, PKCS #1.
    static let rsaTraditional = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEpAIBAAKCAQEAtML7Oomff9ig5rLunZrRTG1WFO7B8hPALH0/hiIlnSiDPuxT
        KuPViRMt3VnBtaMeXoL80wsQSzX3uXdNjcYLZHSiU9Lvm6sZgGXnOJ4ktbON4Nhg
        B7PlWO9tPNq+a48K9tfgb+fg2t41xxPTiQ1qrv7jdWeIO4ak1qxO40xJFIviYBRi
        HmsHL8NxLFCzWXQaJH7bLvjQTgv5Di4HngLtjU6mfoUtp4y+sAO6CSiRyp7K94t4
        Yjv5FoyOLZz427tLdOVyyrpQwdH14Qwyd2fNw8/vXj6wLeBhIbE5vHdhwuWmeic9
        Vy5o9ltmJ0ky7TRGgQQ1pMGp43Qa48Qd6lrdiwIDAQABAoIBABX1h+KVHHDCBs3v
        18gCqkFwGOCDHsGDP7nH32Mym8IrTUJkIDhaJDM6RryYrk0cC1Ds9bzHn8ubO0Rn
        J189O14RQzUOr3gIQZlVB9FbeNcwAGDbuFLHOmni8DDP3Akh//F7yTKfBzRfgUX1
        dSG1pQusQEKfeK/OjBDeLtkzB7+8iDwnKzwLweO56xHmKprgegwwWyv5YurDO7ZP
        E3cuCVfFUUdUKw+AdRyGO+VEC/k3AI/Qqsr45N5uP0VDgwDCHto3JsEeoF5fPUHT
        1NOZi+0mpKpRdcWtCamoKmfVny6f+u89Cu9wXzaUgHADEYZbOd9bvNUVWNQM8p9x
        9qUnkc0CgYEA5XliyS8xVEmf+MjlHTK6tOQUuU6uJmLjW9D3n5OL8sUQQnef3BWI
        cvdpq6JPfmdLjTGng9qK435i4h+d8l2oYKQZZN1xtbcX6EeB8oFKA0NcW+/PTovS
        qLRmi6IXSaHPCWOt4Om/3ytKwZpPzuOFZNqgkn51TZEFY/++hzKoqjcCgYEAyagX
        b2I2BOkBqoYC27+yoR5RTBnMbX66X1sfjTg4jOpnKU7Daj5ht77cYMQhduYE1tHD
        pvwBaXnF11nGnguRHv3xNc5e46W5qcHTvAx77FaZjnsVfWkMoeFT39SRCIKbw7b1
        iX4wy9cyTuf0setF0xTF3SmavZwGm5xg10vsLU0CgYEArSyoAk/dGFDfqu5hCWHp
        SO3/PcFE568lCXtwBDtjF/jjxmVkfMC7UpeoZWB+QVROzeU1F+prejc9BIz7s5Y+
        pX/xsg7z60CbiC2+wXYUltXU84TMm+glOC+8W5AdpvG3vsw8wkllBVQ0fFqp8+X8
        Gxpqp2NLvxe8S7UK4hi29I0CgYEAiAJRXBSXbpRhRUwBnYkbx8OU/Yjg8nDo7uuc
        yjjDG3f1gEzZTE0qxy15oeJm17SoSuNL3NJXeXZiU67/YRVYGdkY2TuJkGz0XmSW
        lFyvMGXwR8MIaX9yv7QkR/EsqNq+iDBcRxHPg4xvJ/0WcvHGNGnsUhB/h6c2ZboB
        LvTMJHkCgYApPjYVPHudbmKbxrtCdJVB9cVc254h+qhRk1Y/84Z9X6HCR96xpBNN
        rKio4yutHi+Hvx7XqneFAJR58+4hjG6F2xvSoKX+1UgdIWPh+tb1hMcjANMc39e+
        qngOBXKmidyUDLfivle8CqCE3va0M+Y5BcIcqliXuA5h9P8j6Smrrg==
        -----END RSA PRIVATE KEY-----
        """
    /// `SampleKey.p256`, private, SEC 1.
    static let p256Traditional = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIJsRZ2H0j5XWUWk/E1fR0dApneDHnLb+rYfOAX7ZpLmsoAoGCCqGSM49
        AwEHoUQDQgAEZI/ascc8a9w0wvQuZz92Gq7BMY4w1lOIJ134bZxkixccGUutIP+U
        Cvs4c7fYcT3lsp/DiEYgPS6BXUvXlakWAA==
        -----END EC PRIVATE KEY-----
        """
    /// `SampleKey.p256` with a compressed point.
    static let p256Compressed = """
        -----BEGIN PUBLIC KEY-----
        MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACZI/ascc8a9w0wvQuZz92Gq7BMY4w
        1lOIJ134bZxkixc=
        -----END PUBLIC KEY-----
        """
    /// A certificate of `SampleKey.p384`.
    static let p384Certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBszCCATqgAwIBAgIUE0Bqz3AiOLkzaqy1ZcgkYF7BvnowCgYIKoZIzj0EAwIw
        ETEPMA0GA1UEAwwGc2lnbmVyMB4XDTI2MTEyMTA3NDQzN1oXDTI2MTEyMjA3NDQz
        N1owETEPMA0GA1UEAwwGc2lnbmVyMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEhbop
        zD3luvqqwC3D8sl8ika18fhQHbvhO6FU8/W8nZByW1RgCQK9t4uZmDXaehr2MJyJ
        tchhK2UdiHffaklekmvIWxGU25LsZ59Ac2na6HCCChbf73tRAYwVzPMXdyj+o1Mw
        UTAdBgNVHQ4EFgQUDsCCzzsC5U++fiYIWFYncqxzeaswHwYDVR0jBBgwFoAUDsCC
        zzsC5U++fiYIWFYncqxzeaswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNn
        ADBkAjAQ9FdCsyuDR1wdeJtA7L/BQwJ1sDDNFEDHt5QL4EiKDk2vfivhvt7P+nsO
        XZqSPe4CMGYGWizhGxZ4Cl46QFy0IDPlmouTTicZEqioN9CiQlKvR5NX17GnTA6/
        3hBEnE9uSQ==
        -----END CERTIFICATE-----
        """
    /// A certificate of `SampleKey.rsa`, that has expired.
    static let rsaCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIDATCCAemgAwIBAgIUdtMOQAyuz+NMZRU6/vHG8nRsGzwwDQYJKoZIhvcNAQEL
        BQAwEDEOMAwGA1UEAwwFb3RoZXIwHhcNMjYxMTIxMDc0NDM3WhcNMjYxMTIyMDc0
        NDM3WjAQMQ4wDAYDVQQDDAVvdGhlcjCCASIwDQYJKoZIhvcNAQEBBQADggEPADCC
        AQoCggEBALTC+zqJn3/YoOay7p2a0UxtVhTuwfITwCx9P4YiJZ0ogz7sUyrj1YkT
        Ld1ZwbWjHl6C/NMLEEs197l3TY3GC2R0olPS75urGYBl5zieJLWzjeDYYAez5Vjv
        bTzavmuPCvbX4G/n4NreNccT04kNaq7+43VniDuGpNasTuNMSRSL4mAUYh5rBy/D
        cSxQs1l0GiR+2y740E4L+Q4uB54C7Y1Opn6FLaeMvrADugkokcqeyveLeGI7+RaM
        ji2c+Nu7S3Tlcsq6UMHR9eEMMndnzcPP714+sC3gYSGxObx3YcLlpnonPVcuaPZb
        ZidJMu00RoEENaTBqeN0GuPEHepa3YsCAwEAAaNTMFEwHQYDVR0OBBYEFEuAFWYf
        OQzepUUL+mEKhtn5zBCEMB8GA1UdIwQYMBaAFEuAFWYfOQzepUUL+mEKhtn5zBCE
        MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAG9cITFsqrRD688D
        k+QlnGOrmSOFSijVEqvGmMQBRgYCMmub4+w4sVbwE7vcDTBHbhe6z6eQv2CeF5mX
        Qpj7MAS95GBmcJvv2qd24iwS1V9MI8aOEDT+T2BSMOIvDsRLGDIosEcvWJkYTUf7
        4VTLnSneLVoYgXwZIFjeMKTcVzdxYjoRI52pTllDijD6TL/+fgNyIoCmNbX866IC
        nN15uQbubxlHlXSufUP/lKZ8DbYQktHgkA0ynu9XVInepex/BO3jOPxSx55pF57w
        R3MaHleX6bR/R99w/jU/9anRnOoDsyFZgw2EyeXW01sA7PGSNcJPIxVT+Dp/c0zz
        coQAD9k=
        -----END CERTIFICATE-----
        """
    /// `SampleKey.ed25519`, private, under a passphrase.
    static let ed25519Encrypted = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAj504a0yQFb0AICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEBNaML5Wh0lRlicVEt3aO7MEQM0O
        tYtmM0PydSCZdRSOzx3+MiwPAewRVHObodTuYgG5u3KdyvRHblVDwoxO+3mrXLe9
        Y1NK+ewaQFMoULxAMy8=
        -----END ENCRYPTED PRIVATE KEY-----
        """
    /// `SampleKey.p256`, private, under a passphrase the old way.
    static let p256Encrypted = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,E401613F62A7C805F7C66F771BB889DE

        28I4bqCMPIHBDnLJb/rPVQezr5kI5RTuj90FMJMCsUL+SxB1IyjqDK+Jd3S+v0ow
        l0p7MwmZlqUbTsCRkBtAmxOxGA+jgO4CsKqBQueTwHm4ip+XOxvN+56GMCcuLLJs
        9BW42uthBaHNlW/NfXY5qg7zhwP7CvYtzJfKT5F9ALc=
        -----END EC PRIVATE KEY-----
        """
}

/// Keys that are of no use, or of little.
enum OddKey {
    /// An RSA key too short for anybody.
    static let rsa768 = """
        -----BEGIN PUBLIC KEY-----
        MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAMtXUa7cASDgA/wA6HlvvoPjUOloZ+lL
        i7DfoTbUkUbHKwexrQYnaYu6HmmssbWgjDc6Ut0PwWADkxEUMYrU7j1uDotrJwTd
        bP3a2qhad3QJevR4OKtINpx32XJ3uXuhTwIDAQAB
        -----END PUBLIC KEY-----
        """
    /// An RSA key that is weak.
    static let rsa1024 = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCuguaAXfBrh43HBNv/AVydsAo
        qyFyALCoA0Er2n12JJWvfWRDDMlWG4g7dNRjYHYUdtVx+UCcTlAJm/AVE7hIuCz8
        Y1h/eduQJuPEQ6G4TAbxomHvTTNamEGW6kbOJzz4Hkfy6crrS8L0iY9dxI3Vcn11
        0sjfAIYZLdMgWqlkxwIDAQAB
        -----END PUBLIC KEY-----
        """
    /// An RSA key whose bits are no multiple of 64.
    static let rsa1032 = """
        -----BEGIN PUBLIC KEY-----
        MIGgMA0GCSqGSIb3DQEBAQUAA4GOADCBigKBggCuppJ1/GW/5MQHa7t0rT2BLFbL
        ndYDisTr29LfDkhG6m3Be1hEAbEk4n0OHguOAliZiI7JRbvd+f4OB2LDA/I160ox
        ma+i9hETAW3J1hk5VKL+zUKtVIqLh92LE721SQw2gWdi8VWSY/b/OCmW45BgURpC
        5BOa5l4JwE3WvOjb4w8CAwEAAQ==
        -----END PUBLIC KEY-----
        """
    /// An RSA key that says it is for PSS only.
    static let rsaPSS = """
        -----BEGIN PUBLIC KEY-----
        MIGdMAsGCSqGSIb3DQEBCgOBjQAwgYkCgYEAqb3Z4h/nxDNasGqdmmpvPLipidm1
        /4AC+NIzkwXvuS/OhuEfN0aq0gzvzeNTroThxodsbo0ete3EbNoF5SyqQgFHpTRf
        Yk3yC/jaqge2JYk7Ie6jgRZXvsE0Ql+7LVoDpxupgkalDjVoG6wNxg8+yRxc7RBM
        3lhzNLrJaqHeC+8CAwEAAQ==
        -----END PUBLIC KEY-----
        """
    /// A key on the curve of Bitcoin.
    static let secp256k1 = """
        -----BEGIN PUBLIC KEY-----
        MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAE4Nup+S+iTWKFNOFBdc70/qs6jnptXWkT
        9D5OW2eplvwNXbB4K8u6ekUHIg7CNrAhsG46Y32wJqBTKfAlfZQQ2g==
        -----END PUBLIC KEY-----
        """
    /// A key on P-256, which is given by its parameters.
    static let explicitCurve = """
        -----BEGIN PUBLIC KEY-----
        MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA
        AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////
        ///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd
        NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5
        RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA
        //////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABD++P+q/lPzUwi4IRPi12NUM
        v7jIMqg+U+fQXiRUE5kdjXmpAe+1ezZsbn4t/ff+51Sj4T8bNhCXD5YXGw6ASHg=
        -----END PUBLIC KEY-----
        """
    /// A key for agreeing on others.
    static let x25519 = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VuAyEAvS8uYw12Em4U/3PJ+pbrogAb3cFz+w9lfCnh1wEfL3I=
        -----END PUBLIC KEY-----
        """
    /// A key of the other Edwards curve.
    static let ed448 = """
        -----BEGIN PUBLIC KEY-----
        MEMwBQYDK2VxAzoAJC/j/RDyOqZu4+P9PypDmpixRKQ9ffVEdd6pD3mArlGuXA6v
        2TzralbCj9RZ1Md/rWSXJk+ZeuKA
        -----END PUBLIC KEY-----
        """
}
