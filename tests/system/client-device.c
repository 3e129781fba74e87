/* Preloaded into a client of FreeRDP: it says that it is the device that LODGE_TEST_DEVICE names, as clients
 * of Windows say which they are. */
#include <dlfcn.h>
#include <freerdp/freerdp.h>
#include <stdlib.h>

BOOL freerdp_connect(freerdp *instance)
{
    BOOL (*connect)(freerdp *) = NULL;
    *(void **)&connect = dlsym(RTLD_NEXT, "freerdp_connect");
    const char *device = getenv("LODGE_TEST_DEVICE");
    return connect != NULL && device != NULL &&
           freerdp_settings_set_string(instance->context->settings, FreeRDP_ClientProductId, device) &&
           connect(instance);
}
