#include "rdp-front/peer-settings.h"

#include <freerdp/constants.h>
#include <freerdp/freerdp.h>
#include <stddef.h>
#include <stdint.h>

#include "rdp-front/graphics.h"

#define TLS_1_2 0x0303

struct bool_setting {
    FreeRDP_Settings_Keys_Bool key;
    BOOL value;
};

static const struct bool_setting bool_settings[] = {
    {FreeRDP_TlsSecurity, TRUE},
    {FreeRDP_RdpSecurity, FALSE},
    {FreeRDP_NlaSecurity, FALSE},
    {FreeRDP_ExtSecurity, FALSE},
    {FreeRDP_UseRdpSecurityLayer, FALSE},
    {FreeRDP_CompressionEnabled, FALSE},
    {FreeRDP_NetworkAutoDetect, FALSE},
    {FreeRDP_SupportMultitransport, FALSE},
    {FreeRDP_SupportHeartbeatPdu, FALSE},
    {FreeRDP_SupportMonitorLayoutPdu, FALSE},
    {FreeRDP_ServerLicenseRequired, FALSE},
    {FreeRDP_AutoReconnectionEnabled, FALSE},
    {FreeRDP_SupportDynamicChannels, TRUE},
    {FreeRDP_BitmapCacheEnabled, FALSE},
    {FreeRDP_BitmapCachePersistEnabled, FALSE},
    {FreeRDP_FastPathInput, TRUE},
    {FreeRDP_UnicodeInput, TRUE},
    {FreeRDP_HasExtendedMouseEvent, TRUE},
    {FreeRDP_HasHorizontalWheel, TRUE},
    {FreeRDP_HasRelativeMouseEvent, FALSE},
    {FreeRDP_SupportErrorInfoPdu, TRUE},
};

bool peer_settings_apply(rdpSettings *settings, rdpCertificate *certificate, rdpPrivateKey *key)
{
    for (size_t i = 0; i < sizeof(bool_settings) / sizeof(bool_settings[0]); i++)
        if (!freerdp_settings_set_bool(settings, bool_settings[i].key, bool_settings[i].value))
            return false;
    return graphics_offer(settings) &&
           freerdp_settings_set_uint32(settings, FreeRDP_EncryptionLevel, ENCRYPTION_LEVEL_NONE) &&
           freerdp_settings_set_uint16(settings, FreeRDP_TLSMinVersion, TLS_1_2) &&
           freerdp_settings_set_pointer_len(settings, FreeRDP_RdpServerRsaKey, key, 1) &&
           freerdp_settings_set_pointer_len(settings, FreeRDP_RdpServerCertificate, certificate, 1);
}
